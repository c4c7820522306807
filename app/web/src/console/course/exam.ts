/** Sums of an exam's blueprint, as they change while it is written. */
import type { Bank, BankKind, Exam, ExamBody } from '../api/types'
import { KINDS } from '../labels'

export const questionCount = (counts: Record<BankKind, number>): number =>
  KINDS.reduce((sum, { key }) => sum + (counts[key] || 0), 0)

export const totalScore = (body: Pick<ExamBody, 'counts' | 'scores'>): number =>
  KINDS.reduce((sum, { key }) => sum + (body.counts[key] || 0) * (body.scores[key] || 0), 0)

/** What cannot be saved as it is; empty when it can. */
export function blueprintProblem(body: ExamBody): string {
  const count = questionCount(body.counts)
  if (body.title.trim() === '') return '请填写考核名称'
  if (count === 0) return '请设置每种题型的题数'
  if (count > 200) return '一份试卷最多 200 道题'
  if (!(body.duration_minutes >= 1)) return '请填写考试时长'
  const total = totalScore(body)
  if (!(body.pass_score >= 1 && body.pass_score <= total)) return `及格分要在 1 到满分 ${total} 之间`
  return ''
}

export interface Carrying {
  needed: number
  available: number
  missing: number
  short: { key: BankKind; title: string; count: number }[]
  isEnough: boolean
}

/** Whether the bank carries a blueprint, by the ratio the server applied last. */
export function carrying(counts: Record<BankKind, number>, bank: Bank | null, ratio: number): Carrying {
  const needed = questionCount(counts) * ratio
  const available = bank?.approved ?? 0
  const short = KINDS.map(({ key, title }) => ({ key, title, count: (counts[key] || 0) - (bank?.by_kind[key] ?? 0) })).filter(
    ({ count }) => count > 0,
  )
  const missing = Math.max(0, needed - available)
  return { needed, available, missing, short, isEnough: needed > 0 && missing === 0 && short.length === 0 }
}

/** How many times the paper the bank has to be; null until the server has said it. */
export function ratioOf(exam: Exam | null): number | null {
  const count = exam ? questionCount(exam.counts) : 0
  return exam && count > 0 ? exam.needed / count : null
}

export const newBlueprint = (courseTitle: string): ExamBody => ({
  title: `${courseTitle} 结业考核`.slice(0, 100),
  counts: { single: 10, multiple: 5, true_false: 5 },
  scores: { single: 5, multiple: 6, true_false: 4 },
  pass_score: 60,
  duration_minutes: 60,
})
