/** A failure that can be shown as it is: plain Chinese that says what to do. */
export interface ProblemDocument {
  type?: string
  title?: string
  status?: number
  detail?: string | null
  code?: string
  pointers?: Record<string, string>
  errors?: { pointer: string; detail: string }[]
  retry_after_s?: number
  [extension: string]: unknown
}

export class ProblemError extends Error {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail: string
  /** What is wrong with single fields, by JSON pointer such as `/phone`. */
  readonly fields: Record<string, string>
  readonly retryAfterS: number | null
  readonly document: ProblemDocument

  constructor(document: ProblemDocument, status: number) {
    const title = document.title || titleOf(status)
    super(document.detail || title)
    this.name = 'ProblemError'
    this.status = status
    this.code = document.code ?? `http-${status}`
    this.title = title
    this.detail = document.detail && document.detail !== title ? document.detail : ''
    this.fields = { ...(document.pointers ?? {}) }
    for (const item of document.errors ?? []) this.fields[item.pointer] = item.detail
    this.retryAfterS = document.retry_after_s ?? null
    this.document = document
  }

  /** What to show in one line. */
  get text(): string {
    return this.detail || this.title
  }

  /** Whether the server was not reached at all; what was to be sent may be sent again. */
  get isOffline(): boolean {
    return this.status === 0
  }

  /** Whether trying the same again may help. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 502
  }
}

export const offline = () =>
  new ProblemError(
    { code: 'offline', title: '网络不通', detail: '没有连上服务器。请检查手机网络或无线网，然后再试一次。' },
    0,
  )

export const timedOut = () =>
  new ProblemError(
    { code: 'timeout', title: '网络太慢', detail: '服务器很久没有回应。请换到信号好的地方，然后再试一次。' },
    0,
  )

/** Turn whatever was thrown into something that can be shown. */
export function asProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error
  return new ProblemError(
    { code: 'page-fault', title: '页面出了问题', detail: '请刷新页面再试。已经保存的学习记录不受影响。' },
    -1,
  )
}

function titleOf(status: number): string {
  if (status === 401) return '请先登录'
  if (status === 403) return '您没有这项权限'
  if (status === 404) return '没有找到您要的内容'
  if (status === 429) return '操作太频繁，请稍候再试'
  if (status >= 500) return '服务器暂时有问题，请稍后再试'
  return '没有成功，请检查后重试'
}
