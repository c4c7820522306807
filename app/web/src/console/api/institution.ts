/** Courses, courseware, question banks, exams and classes of an institution. */
import { get, patch, post, put, remove, upload } from '@/shared/api/http'
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
  Lesson,
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
export const createCourse = (body: CourseBody) => post<Course>('/courses', body)
export const changeCourse = (id: Uuid, body: CourseBody) => put<Course>(`/courses/${id}`, body)
export const submitCourse = (id: Uuid) => post(`/courses/${id}/submit`)
export const publishCourse = (id: Uuid) => post(`/courses/${id}/publish`)
export const takeDownCourse = (id: Uuid, reason: string) => post(`/courses/${id}/take-down`, { reason })
export const reviewCourse = (
  id: Uuid,
  body: { decision: 'approve' | 'reject'; note: string; checks: Record<string, boolean> },
) => post(`/courses/${id}/review`, body)

export const addLesson = (courseId: Uuid, body: { title: string; hours: number }) =>
  post<Lesson>(`/courses/${courseId}/lessons`, body)
export const changeLesson = (id: Uuid, body: { title?: string; hours?: number; media_id?: Uuid }) =>
  patch<Lesson>(`/lessons/${id}`, body)
export const removeLesson = (id: Uuid) => remove(`/lessons/${id}`)
export const readMedia = (id: Uuid) => get<Media>(`/media/${id}`)

export const readBank = (courseId: Uuid, filter: { status?: string; cursor?: string } = {}) =>
  get<Bank>(`/courses/${courseId}/question-bank${query(filter)}`)
export const approveQuestions = (courseId: Uuid, ids: Uuid[] | null) =>
  post<{ approved: number }>(
    `/courses/${courseId}/question-bank/approve`,
    ids === null ? { all: true } : { question_ids: ids },
  )
export function importQuestions(courseId: Uuid, file: File, dryRun: boolean): Promise<ImportResult> {
  const form = new FormData()
  form.append('file', file)
  form.append('dry_run', String(dryRun))
  return upload<ImportResult>(`/courses/${courseId}/question-bank/import`, form)
}
export const BANK_TEMPLATE = '/api/v1/question-bank/template.xlsx'

export const readExam = (courseId: Uuid) => get<Exam>(`/courses/${courseId}/exam`)
export const putExam = (courseId: Uuid, body: ExamBody) => put<Exam>(`/courses/${courseId}/exam`, body)
export const publishExam = (courseId: Uuid) => post<Exam>(`/courses/${courseId}/exam/publish`)

export const listClasses = () => get<List<ClassSummary>>('/classes')
export const readClass = (id: Uuid) => get<ClassDetail>(`/classes/${id}`)
export const openClass = (id: Uuid, courseId: Uuid) => post(`/classes/${id}/open`, { course_id: courseId })
export const pullClasses = () => post('/classes/pull', {}, { timeoutMs: 60_000 })
