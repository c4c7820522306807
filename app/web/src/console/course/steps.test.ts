import { describe, expect, it } from 'vitest'
import type { Bank, CourseDetail, Exam, Lesson } from '../api/types'
import { courseSteps, firstStep, isEditable, missingForReview, shortOf } from './steps'

const lesson = (status: 'ready' | 'processing' | 'rejected' | null, position = 1): Lesson => ({
  id: `l${position}`,
  position,
  title: '电工安全',
  kind: 'vod',
  hours: 2,
  media: status === null ? null : ({ id: 'm', status, duration_s: 5400 } as Lesson['media']),
})
const course = (change: Partial<CourseDetail> = {}): CourseDetail =>
  ({ id: 'c', status: 'draft', source: 'purchased', lessons: [], lesson_minutes: 45, mine: false, ...change }) as CourseDetail
const bank = { total: 30, approved: 30 } as Bank
const exam = (change: Partial<Exam> = {}) => ({ status: 'draft', feasible: true, missing: 0, ...change }) as Exam
const states = (known: Parameters<typeof courseSteps>[0], role: Parameters<typeof courseSteps>[1] = 'institution_author') =>
  Object.fromEntries(courseSteps(known, role).map((step) => [step.key, step.state]))

describe('courseSteps', () => {
  it('begins with the courseware', () => {
    const steps = courseSteps({ course: course(), bank: null, exam: null }, 'institution_author')
    expect(steps.map((step) => step.state)).toEqual(['done', 'current', 'todo', 'todo', 'todo', 'todo'])
    expect(firstStep(steps)).toBe('lessons')
  })

  it('counts courseware as done only when every video is usable', () => {
    const lessons = [lesson('ready', 1), lesson('processing', 2)]
    expect(states({ course: course({ lessons }), bank, exam: null }).lessons).toBe('current')
    expect(states({ course: course({ lessons: [lesson('ready')] }), bank, exam: null }).lessons).toBe('done')
  })

  it('points at an unusable video before anything else', () => {
    const steps = courseSteps({ course: course({ lessons: [lesson('rejected')] }), bank: null, exam: null }, null)
    expect(firstStep(steps)).toBe('lessons')
    expect(steps.some((step) => step.state === 'current')).toBe(false)
  })

  it('asks for more questions while the exam lacks some', () => {
    const known = { course: course({ lessons: [lesson('ready')] }), bank, exam: exam({ missing: 4, feasible: false }) }
    expect(courseSteps(known, null).find((step) => step.key === 'bank')?.note).toBe('还缺 4 道题')
  })

  it('tells reviewer and author apart while a course is under review', () => {
    const known = { course: course({ status: 'in_review', lessons: [lesson('ready')] }), bank, exam: exam() }
    const note = (role: 'institution_author' | 'institution_reviewer') =>
      courseSteps(known, role).find((step) => step.key === 'submit')?.note
    expect(note('institution_reviewer')).toBe('请您审核')
    expect(note('institution_author')).toBe('等待审核人审核')
  })

  it('brings a rejected course back to the one who made it', () => {
    const known = { course: course({ status: 'rejected', lessons: [lesson('ready')] }), bank, exam: exam() }
    expect(firstStep(courseSteps(known, 'institution_author'))).toBe('submit')
    expect(isEditable(known.course)).toBe(true)
  })

  it('has nothing left once published', () => {
    const known = {
      course: course({ status: 'published', lessons: [lesson('ready')] }),
      bank,
      exam: exam({ status: 'published' }),
    }
    expect(Object.values(states(known))).toEqual(['done', 'done', 'done', 'done', 'done', 'done'])
  })
})

describe('shortOf', () => {
  it('accepts a video of exactly the hours', () => expect(shortOf(lesson('ready'), 45)).toBe(''))
  it('says what is needed and what is there', () => {
    expect(shortOf(lesson('ready'), 46)).toBe(
      '视频太短：2 学时至少要 1小时32分，这个视频只有 1小时30分。请换一个视频，或减少学时。',
    )
  })
  it('does not judge what is not measured yet', () => expect(shortOf(lesson(null), 45)).toBe(''))
  it('makes the step a problem', () => {
    const short = course({ lessons: [lesson('ready')], lesson_minutes: 60 })
    expect(states({ course: short, bank, exam: null }).lessons).toBe('problem')
  })
})

describe('missingForReview', () => {
  it('names every lesson without a usable video', () => {
    expect(missingForReview(course({ lessons: [lesson(null, 1), lesson('processing', 2), lesson('ready', 3)] }))).toEqual([
      '第1课「电工安全」还没有上传视频',
      '第2课的视频正在处理',
    ])
  })
  it('asks for the teacher of an own course only', () => {
    const lessons = [lesson('ready')]
    expect(missingForReview(course({ lessons }))).toEqual([])
    expect(missingForReview(course({ lessons, source: 'own' }))).toHaveLength(1)
  })
})
