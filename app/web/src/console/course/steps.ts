/** The visible checklist of a course: what is done, what comes next, who has to act. */
import { duration } from '@/shared/format'
import type { Bank, CourseDetail, Exam, Lesson, Role } from '../api/types'

export type StepKey = 'basic' | 'lessons' | 'bank' | 'exam' | 'submit' | 'publish'
export type StepState = 'done' | 'current' | 'todo' | 'problem'

export interface CourseStepView {
  key: StepKey
  title: string
  state: StepState
  note: string
}

export interface Known {
  course: CourseDetail
  bank: Bank | null
  exam: Exam | null
}

/** Whether a course may still be changed. */
export const isEditable = (course: { status: string }): boolean =>
  course.status === 'draft' || course.status === 'rejected'

const AFTER_SUBMIT = new Set(['in_review', 'approved', 'published', 'taken_down'])

/** Say by how much a lesson's video is shorter than its hours; empty while it is long enough or not measured. */
export function shortOf(lesson: Lesson, lessonMinutes: number): string {
  const needed = lesson.hours * lessonMinutes * 60
  const has = lesson.media?.duration_s
  if (has === null || has === undefined || has >= needed) return ''
  return `视频太短：${lesson.hours} 学时至少要 ${duration(needed)}，这个视频只有 ${duration(has)}。请换一个视频，或减少学时。`
}

/** What is missing before a course can be handed in for review, in plain words. */
export function missingForReview(course: CourseDetail): string[] {
  const missing: string[] = []
  if (course.source === 'own' && !(course.teacher_name && course.teacher_qualification)) {
    missing.push('自制课程要登记授课教师的姓名和资质')
  }
  if (course.lessons.length === 0) missing.push('还没有课时')
  for (const lesson of course.lessons) {
    if (lesson.media === null) missing.push(`第${lesson.position}课「${lesson.title}」还没有上传视频`)
    else if (lesson.media.status === 'processing') missing.push(`第${lesson.position}课的视频正在处理`)
    else if (lesson.media.status === 'rejected') missing.push(`第${lesson.position}课的视频不能用，请重新上传`)
    else if (shortOf(lesson, course.lesson_minutes)) missing.push(`第${lesson.position}课的视频时长不够学时数`)
  }
  return missing
}

/** The checklist; exactly one step is `current` unless all are done. */
export function courseSteps({ course, bank, exam }: Known, role: Role | null): CourseStepView[] {
  const isReviewer = role === 'institution_reviewer' && !course.mine
  const steps: CourseStepView[] = [
    { key: 'basic', title: '基本信息', ...basicStep(course) },
    { key: 'lessons', title: '课件', ...lessonsStep(course) },
    { key: 'bank', title: '题库', ...bankStep(bank, exam) },
    { key: 'exam', title: '考核', ...examStep(exam) },
    { key: 'submit', title: '送审', ...submitStep(course, isReviewer) },
    { key: 'publish', title: '发布', ...publishStep(course, exam, isReviewer) },
  ]
  const next = steps.find((step) => step.state === 'todo')
  if (next && !steps.some((step) => step.state === 'problem')) next.state = 'current'
  return steps
}

type Part = Pick<CourseStepView, 'state' | 'note'>
const done = (note: string): Part => ({ state: 'done', note })
const todo = (note: string): Part => ({ state: 'todo', note })
const problem = (note: string): Part => ({ state: 'problem', note })

function basicStep(course: CourseDetail): Part {
  const isIncomplete = course.source === 'own' && !(course.teacher_name && course.teacher_qualification)
  return isIncomplete ? problem('请登记授课教师') : done('已填写')
}

function lessonsStep(course: CourseDetail): Part {
  const count = course.lessons.length
  if (count === 0) return todo('还没有课时')
  const broken = course.lessons.filter((lesson) => lesson.media?.status === 'rejected').length
  if (broken > 0) return problem(`${broken} 个视频不能用`)
  const short = course.lessons.filter((lesson) => shortOf(lesson, course.lesson_minutes) !== '').length
  if (short > 0) return problem(`${short} 个视频时长不够`)
  const ready = course.lessons.filter((lesson) => lesson.media?.status === 'ready').length
  const hours = course.lessons.reduce((sum, lesson) => sum + lesson.hours, 0)
  return ready === count ? done(`${count} 课，共 ${hours} 学时`) : todo(`${count} 课中 ${ready} 课的视频可用`)
}

function bankStep(bank: Bank | null, exam: Exam | null): Part {
  if (bank === null || bank.total === 0) return todo('还没有题目')
  const waiting = bank.total - bank.approved
  if (bank.approved === 0) return todo(`${bank.total} 道题等待审核`)
  if (exam && exam.missing > 0) return todo(`还缺 ${exam.missing} 道题`)
  return done(waiting > 0 ? `${bank.approved} 道可用` : `${bank.approved} 道，全部通过`)
}

function examStep(exam: Exam | null): Part {
  if (exam === null) return todo('还没有设置')
  if (exam.status === 'published') return done('已发布')
  return exam.feasible ? todo('等待审核人发布') : todo(exam.missing > 0 ? `题库还缺 ${exam.missing} 道` : '题库不够组卷')
}

function submitStep(course: CourseDetail, isReviewer: boolean): Part {
  if (course.status === 'rejected') return problem('审核未通过，请修改后再送审')
  if (course.status === 'in_review') return todo(isReviewer ? '请您审核' : '等待审核人审核')
  if (AFTER_SUBMIT.has(course.status)) return done('审核通过')
  const missing = missingForReview(course).length
  return todo(missing === 0 ? '可以送审' : `还差 ${missing} 项`)
}

function publishStep(course: CourseDetail, exam: Exam | null, isReviewer: boolean): Part {
  if (course.status === 'published') return done('已发布')
  if (course.status === 'taken_down') return done('已下架')
  if (course.status !== 'approved') return todo('审核通过后发布')
  if (exam?.status !== 'published') return todo('建议先发布考核')
  return todo(isReviewer ? '可以发布' : '等待审核人发布')
}

/** The step to show first. */
export const firstStep = (steps: readonly CourseStepView[]): StepKey =>
  (steps.find(({ state }) => state === 'problem') ?? steps.find(({ state }) => state === 'current') ?? steps[0])?.key ??
  'basic'
