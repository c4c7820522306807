/** Courses, courseware, question banks, exams and classes of an institution. */
import { get, patch, post, put, remove, upload } from '@/shared/api/http'
import { ProblemError } from '@/shared/api/problem'
import type {
  Bank,
  ClassDetail,
  ClassSummary,
  Course,
  CourseBody,
  CourseDetail,
  Exam,
  ExamBody,
  ImportResult,
  List,
  Media,
  Trade,
  Uuid,
} from './types'

const query = (values: Record<string, string | number | undefined>): string => {
  const pairs = Object.entries(values).filter(([, value]) => value !== undefined && value !== '')
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs.map(([key, value]) => [key, String(value)]))}`
}

export const findTrades = (q: string) => get<List<Trade>>(`/trades${query({ q })}`)

export const listCourses = () => get<List<Course>>('/courses')
export const readCourse = (id: Uuid) => get<CourseDetail>(`/courses/${id}`)
export const createCourse = (body: CourseBody) => post<CourseDetail>('/courses', body)
export const changeCourse = (id: Uuid, body: CourseBody) => put<CourseDetail>(`/courses/${id}`, body)
export const submitCourse = (id: Uuid) => post(`/courses/${id}/submit`)
export const publishCourse = (id: Uuid) => post(`/courses/${id}/publish`)
export const takeDownCourse = (id: Uuid, reason: string) => post(`/courses/${id}/take-down`, { reason })
export const reviewCourse = (
  id: Uuid,
  body: { decision: 'approve' | 'reject'; note: string; checks: Record<string, boolean> },
) => post(`/courses/${id}/review`, body)

export const addLesson = (courseId: Uuid, body: { title: string; hours: number }) =>
  post<CourseDetail>(`/courses/${courseId}/lessons`, body)
export const changeLesson = (id: Uuid, body: { title?: string; hours?: number; media_id?: Uuid }) =>
  patch<CourseDetail>(`/lessons/${id}`, body)
export const removeLesson = (id: Uuid) => remove(`/lessons/${id}`)
export const readMedia = (id: Uuid) => get<Media>(`/media/${id}`)

/** Null where the thing does not exist yet. */
async function orNull<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof ProblemError && error.status === 404) return null
    throw error
  }
}

export const readBank = (courseId: Uuid, filter: { limit?: number; cursor?: string } = {}) =>
  orNull(get<Bank>(`/courses/${courseId}/question-bank${query(filter)}`))
/** Approve or reject questions; null means all drafts of other people. */
export const decideQuestions = (courseId: Uuid, ids: Uuid[] | null, approve = true) =>
  post<{ count: number }>(`/courses/${courseId}/question-bank/approve`, { question_ids: ids, approve })
export function importQuestions(courseId: Uuid, file: File, dryRun: boolean): Promise<ImportResult> {
  const form = new FormData()
  form.append('workbook', file)
  return upload<ImportResult>(`/courses/${courseId}/question-bank/import${query({ dry_run: String(dryRun) })}`, form)
}
export const BANK_TEMPLATE = '/api/v1/question-bank/template.xlsx'

export const readExam = (courseId: Uuid) => orNull(get<Exam>(`/courses/${courseId}/exam`))
export const putExam = (courseId: Uuid, body: ExamBody) => put<Exam>(`/courses/${courseId}/exam`, body)
export const publishExam = (courseId: Uuid) => post<Exam>(`/courses/${courseId}/exam/publish`)

export const listClasses = () => get<List<ClassSummary>>('/classes')
export const readClass = (id: Uuid) => get<ClassDetail>(`/classes/${id}`)
export const openClass = (id: Uuid, courseId: Uuid) => post(`/classes/${id}/open`, { course_id: courseId })
export const pullClasses = () => post<{ class_count: number; refused: Record<string, string> }>('/classes/pull', {}, { timeoutMs: 60_000 })
