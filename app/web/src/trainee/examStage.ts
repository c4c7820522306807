/** What a trainee may do about the final exam, told from the server's summary. */
import type { ExamSummary } from '@/api/types'

export interface ExamStage {
  kind: 'closed' | 'open' | 'running' | 'done'
  tag: string
  tagKind: string
  text: string
  button: string
}

export function examStage(exam: ExamSummary): ExamStage {
  switch (exam.state) {
    case 'identity_pending':
    case 'running':
      return { kind: 'running', tag: '考试中', tagKind: 'tag--warn', text: '考试已经开始，时间还在走，请马上继续。', button: '继续考试' }
    case 'submitted':
      return { kind: 'done', tag: '已交卷', tagKind: 'tag--sky', text: '已经交卷，正在判分。', button: '查看结果' }
    case 'graded':
      return { kind: 'done', tag: '已结束', tagKind: 'tag--good', text: '考核已经结束。', button: '查看结果' }
    case 'none':
      return { kind: 'closed', tag: '未安排', tagKind: '', text: '', button: '' }
    default:
      return exam.reason_not_allowed.length > 0
        ? { kind: 'closed', tag: '未开放', tagKind: '', text: '', button: '' }
        : { kind: 'open', tag: '可以参加', tagKind: 'tag--good', text: '每人只有一次机会。准备好再开始。', button: '查看考核须知' }
  }
}
