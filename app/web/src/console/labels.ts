/** Chinese names and colours of the states that the console shows. */
import type { BankKind, ClassStatus, CourseStatus } from './api/types'

export type Tone = 'plain' | 'busy' | 'good' | 'warn' | 'bad'
export interface Label {
  text: string
  tone: Tone
}

const COURSE: Record<CourseStatus, Label> = {
  draft: { text: '草稿', tone: 'plain' },
  in_review: { text: '审核中', tone: 'busy' },
  approved: { text: '审核通过', tone: 'busy' },
  rejected: { text: '审核未通过', tone: 'bad' },
  published: { text: '已发布', tone: 'good' },
  taken_down: { text: '已下架', tone: 'plain' },
}
const CLASS: Record<ClassStatus, Label> = {
  imported: { text: '尚不能开课', tone: 'warn' },
  startable: { text: '可以开课', tone: 'busy' },
  open: { text: '培训中', tone: 'good' },
  closed: { text: '已结班', tone: 'plain' },
}
const QUESTION: Record<string, Label> = {
  draft: { text: '待审核', tone: 'busy' },
  approved: { text: '已通过', tone: 'good' },
  rejected: { text: '未通过', tone: 'bad' },
}
const DELIVERY: Record<string, Label> = {
  pending: { text: '等待推送', tone: 'busy' },
  delivered: { text: '已送达', tone: 'good' },
  dead: { text: '推送失败', tone: 'bad' },
}

const unknown = (text: string): Label => ({ text, tone: 'plain' })
export const courseLabel = (status: CourseStatus): Label => COURSE[status] ?? unknown(status)
export const classLabel = (status: ClassStatus): Label => CLASS[status] ?? unknown(status)
export const questionLabel = (status: string): Label => QUESTION[status] ?? unknown(status)
export const deliveryLabel = (status: string): Label => DELIVERY[status] ?? unknown(status)

export const KINDS: { key: BankKind; title: string }[] = [
  { key: 'single', title: '单选题' },
  { key: 'multiple', title: '多选题' },
  { key: 'true_false', title: '判断题' },
]
export const kindTitle = (kind: string): string => KINDS.find(({ key }) => key === kind)?.title ?? kind

export const LEVELS = [
  { value: '5', label: '初级工（五级）' },
  { value: '4', label: '中级工（四级）' },
  { value: '3', label: '高级工（三级）' },
  { value: '2', label: '技师（二级）' },
  { value: '1', label: '高级技师（一级）' },
]

export const CHECKS = [
  { key: 'standard', title: '符合国家职业技能标准' },
  { key: 'textbook', title: '使用人社部规范教材' },
  { key: 'content', title: '内容不违反国家法律法规' },
]
