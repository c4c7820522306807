/** The one way to talk to the server: cookie session, problem documents, timeouts, retries, server time. */
import { offline, ProblemError, type ProblemDocument, timedOut } from './problem'
import { serverClock } from './serverClock'

export const BASE = '/api/v1'
const TIMEOUT_MS = 15_000
const UPLOAD_TIMEOUT_MS = 60_000
const BACKOFF_MS = [400, 1200]

export interface RequestOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Sent as JSON. */
  body?: unknown
  /** Sent as multipart/form-data. */
  form?: FormData
  timeoutMs?: number
  /** How often to try again when the server was not reached; reads 2, writes 0 unless they may be repeated safely. */
  retries?: number
  signal?: AbortSignal
  /** Let the request outlive the page. */
  keepalive?: boolean
}

/** Called when the session has ended, so that the entry can show its sign-in page. */
let onSignedOut: () => void = () => undefined
export function whenSignedOut(action: () => void): void {
  onSignedOut = action
}

/**
 * Ask the server.
 *
 * @returns The JSON answer; undefined for an empty one.
 * @throws ProblemError with a Chinese text that can be shown as it is.
 */
export async function request<T = void>(path: string, options: RequestOptions = {}): Promise<T> {
  const retries = options.retries ?? ((options.method ?? 'GET') === 'GET' ? 2 : 0)
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await once<T>(path, options)
    } catch (error) {
      const again =
        error instanceof ProblemError && (error.isOffline || error.status >= 502) && attempt < retries
      if (!again || options.signal?.aborted) throw error
      await pause(BACKOFF_MS[attempt] ?? 2000)
    }
  }
}

async function once<T>(path: string, options: RequestOptions): Promise<T> {
  const response = await answer(path, options)
  const body = await readBody(response)
  if (response.ok) return body as T
  const problem = new ProblemError((body ?? {}) as ProblemDocument, response.status)
  if (problem.status === 401 && !path.startsWith('/auth/')) onSignedOut()
  throw problem
}

async function answer(path: string, options: RequestOptions): Promise<Response> {
  const aborter = new AbortController()
  const timer = setTimeout(
    () => aborter.abort(),
    options.timeoutMs ?? (options.form ? UPLOAD_TIMEOUT_MS : TIMEOUT_MS),
  )
  const abort = () => aborter.abort()
  options.signal?.addEventListener('abort', abort)
  const sentAt = performance.now()
  try {
    const response = await fetch(BASE + path, {
      method: options.method ?? 'GET',
      credentials: 'same-origin',
      headers: headersOf(options),
      body: options.form ?? (options.body === undefined ? null : JSON.stringify(options.body)),
      signal: aborter.signal,
      keepalive: options.keepalive ?? false,
      cache: 'no-store',
    })
    const stamped = Date.parse(response.headers.get('X-Server-Time') ?? '')
    if (!Number.isNaN(stamped)) {
      serverClock.observe({ sentAt, receivedAt: performance.now(), serverAt: stamped })
    }
    return response
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw aborter.signal.aborted ? timedOut() : offline()
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', abort)
  }
}

function headersOf(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {
    Accept: 'application/json, application/problem+json',
    'X-Requested-With': 'zhengxue',
  }
  if (options.body !== undefined) headers['Content-Type'] = 'application/json'
  return headers
}

async function readBody(response: Response): Promise<unknown> {
  if (response.status === 204 || response.status === 205) return undefined
  const text = await response.text().catch(() => '')
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    if (response.ok) throw new ProblemError({ title: '服务器的回答看不懂', detail: '请刷新页面再试。' }, 502)
    return undefined
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

export const get = <T>(path: string, options: RequestOptions = {}) => request<T>(path, options)
export const post = <T = void>(path: string, body: unknown = {}, options: RequestOptions = {}) =>
  request<T>(path, { ...options, method: 'POST', body })
export const put = <T = void>(path: string, body: unknown) => request<T>(path, { method: 'PUT', body })
export const patch = <T = void>(path: string, body: unknown) => request<T>(path, { method: 'PATCH', body })
export const remove = <T = void>(path: string) => request<T>(path, { method: 'DELETE' })
export const upload = <T = void>(path: string, form: FormData, options: RequestOptions = {}) =>
  request<T>(path, { ...options, method: 'POST', form })
