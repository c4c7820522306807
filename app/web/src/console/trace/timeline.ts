/** A person's records as one line from identity to receipt, grouped by the days of China. */
import { day } from '@/shared/format'
import type { TraceEntry } from '../api/types'

export interface Day {
  /** `2026-03-02` in China. */
  key: string
  title: string
  entries: TraceEntry[]
}

const WEEKDAYS = ['星期日', '星期一', '星期二', '星期三', '星期四', '星期五', '星期六']
const CHINA_MS = 8 * 3_600_000

/** The day of an instant in China. */
export const chinaDay = (instant: string): string =>
  new Date(Date.parse(instant) + CHINA_MS).toISOString().slice(0, 10)

/** Group entries by day of happening; within a day by time, then by number. */
export function groupByDay(entries: readonly TraceEntry[]): Day[] {
  const days = new Map<string, TraceEntry[]>()
  for (const entry of entries) {
    const key = chinaDay(entry.occurred_at)
    const found = days.get(key)
    if (found) found.push(entry)
    else days.set(key, [entry])
  }
  return [...days.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inside]) => ({
      key,
      title: `${day(key)} ${WEEKDAYS[new Date(`${key}T00:00:00Z`).getUTCDay()]}`,
      entries: [...inside].sort(
        (a, b) => Date.parse(a.occurred_at) - Date.parse(b.occurred_at) || a.seq - b.seq,
      ),
    }))
}

interface Kind {
  icon: string
  title: string
  group: Group
}
export type Group = 'identity' | 'lesson' | 'check' | 'exam' | 'class'

const KINDS: Record<string, Kind> = {
  'class.opened': { icon: 'class', title: '班级开课', group: 'class' },
  'class.roster_changed': { icon: 'class', title: '学员名册变更', group: 'class' },
  'class.closed': { icon: 'lock', title: '班级结班', group: 'class' },
  'learner.enrolled': { icon: 'enroll', title: '列入学员名册', group: 'identity' },
  'learner.registered': { icon: 'identity', title: '实名认证', group: 'identity' },
  'lesson.signed_in': { icon: 'sign_in', title: '课程签到', group: 'check' },
  'checkin.completed': { icon: 'face', title: '随机打卡', group: 'check' },
  'snapshot.captured': { icon: 'camera', title: '抽检抓拍', group: 'check' },
  'lesson.completed': { icon: 'lesson', title: '完成课时', group: 'lesson' },
  'quiz.gate_evaluated': { icon: 'quiz', title: '随堂测验', group: 'lesson' },
  'exam.started': { icon: 'exam', title: '开始结业考核', group: 'exam' },
  'exam.identity_checked': { icon: 'face', title: '考试身份验证', group: 'exam' },
  'exam.submitted': { icon: 'paper', title: '交卷', group: 'exam' },
  'exam.graded': { icon: 'paper', title: '评卷', group: 'exam' },
  'exam.paper_pdf': { icon: 'paper', title: '试卷存档', group: 'exam' },
  'certificate.eligibility': { icon: 'certificate', title: '合格证书资格', group: 'exam' },
}

export const kindOf = (eventType: string): Kind => KINDS[eventType] ?? { icon: 'fact', title: eventType, group: 'class' }

export const GROUPS: { key: Group; title: string }[] = [
  { key: 'identity', title: '实名与报名' },
  { key: 'check', title: '签到打卡' },
  { key: 'lesson', title: '学习' },
  { key: 'exam', title: '考核' },
  { key: 'class', title: '班级' },
]

/** Keep the entries of the chosen groups; none chosen means all. */
export const ofGroups = (entries: readonly TraceEntry[], chosen: readonly Group[]): TraceEntry[] =>
  chosen.length === 0 ? [...entries] : entries.filter((entry) => chosen.includes(kindOf(entry.event_type).group))

/** Deliveries in numbers. */
export function deliveryCounts(entries: readonly TraceEntry[]): { delivered: number; pending: number; dead: number } {
  const counts = { delivered: 0, pending: 0, dead: 0 }
  for (const { delivery } of entries) if (delivery) counts[delivery.status] += 1
  return counts
}

/** Whether a file is shown as a picture. */
export const isPicture = (file: { media_type: string }): boolean => file.media_type.startsWith('image/')

const FILE_KINDS: Record<string, string> = {
  checkin_image: '打卡照片',
  face_photo: '登记照片',
  exam_image: '考试照片',
  category_proof: '人员类别证明',
  paper_pdf: '试卷（PDF）',
}
export const fileTitle = (kind: string): string => FILE_KINDS[kind] ?? '文件'
