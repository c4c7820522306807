/**
 * Sends what was played, one numbered report after another, and loses nothing on a bad network.
 *
 * A report that got no answer is sent again exactly as it was; what is played meanwhile waits behind it. Both lie in
 * the drawer on the device until the server has acknowledged them.
 */
import type { HeartbeatAnswer, HeartbeatBody } from '@/api/types'
import { asProblem, type ProblemError } from '../api/problem'
import type { Drawer } from '../queue'
import { type Stretch, union } from './intervals'

/** What was played since the last report, under one set of circumstances. */
export interface Part {
  intervals: Stretch[]
  positionMs: number
  rate: number
  hidden: boolean
  muted: boolean
  playing: boolean
}

export type SyncState = 'saved' | 'saving' | 'waiting'

/** An unanswered report together with the session it belongs to. */
export interface Unsent {
  sessionId: string
  body: HeartbeatBody
}

export interface LoopOptions {
  sessionId: string
  token: string
  nextSeq: number
  drawer: Drawer<Unsent>
  send: (body: HeartbeatBody) => Promise<HeartbeatAnswer>
  deviceTime: () => string
  onAnswer: (answer: HeartbeatAnswer, body: HeartbeatBody) => void
  /** The server refuses for good: the session was replaced, ended or lost count. */
  onRefused: (problem: ProblemError) => void
  onSync: (state: SyncState) => void
  wait?: (ms: number) => Promise<void>
}

/** The server takes no two reports of one player closer together than this; a little more for the way. */
const MIN_GAP_MS = 400
const RETRY_MS = [1_500, 3_000, 6_000, 10_000]

export class HeartbeatLoop {
  private token: string
  private seq: number
  private parts: Part[] = []
  private sending = false
  private stopped = false
  private hurry: () => void = () => undefined
  private answeredAt = Number.NEGATIVE_INFINITY

  constructor(private readonly options: LoopOptions) {
    this.token = options.token
    this.seq = options.nextSeq
  }

  /** Report a part; it leaves at once unless an earlier one is still unanswered. */
  report(part: Part): void {
    if (this.stopped) return
    this.parts = joined(this.parts, part)
    if (!this.sending) void this.drain()
  }

  /** The network is back: do not wait for the next try. */
  retryNow(): void {
    this.hurry()
  }

  /** Send nothing more; what is unanswered stays in the drawer. */
  stop(): void {
    this.stopped = true
    this.hurry()
  }

  private async drain(): Promise<void> {
    this.sending = true
    while (!this.stopped) {
      if (this.parts.length === 0) break
      if (this.restMs() > 0) await new Promise<void>((resolve) => setTimeout(resolve, this.restMs()))
      const part = this.parts.shift()
      if (!part || this.stopped) break
      if (!(await this.deliver(this.bodyOf(part)))) break
    }
    this.sending = false
  }

  private restMs(): number {
    return this.answeredAt + MIN_GAP_MS - performance.now()
  }

  private async deliver(body: HeartbeatBody): Promise<boolean> {
    const { options } = this
    const { drawer } = options
    const key = keyOf(options.sessionId)
    options.onSync('saving')
    await drawer.put(key, { sessionId: options.sessionId, body })
    for (let attempt = 0; !this.stopped; attempt += 1) {
      try {
        const answer = await options.send(body)
        await drawer.remove(key)
        this.answeredAt = performance.now()
        this.token = answer.next_token
        this.seq = answer.seq + 1
        options.onSync('saved')
        if (!this.stopped) options.onAnswer(answer, body)
        return true
      } catch (error) {
        const problem = asProblem(error)
        if (!problem.isPassing) {
          await drawer.remove(key)
          this.stopped = true
          options.onRefused(problem)
          return false
        }
        options.onSync(problem.status === 429 ? 'saving' : 'waiting')
        await this.pause(RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] as number)
      }
    }
    return false
  }

  private bodyOf(part: Part): HeartbeatBody {
    return {
      seq: this.seq,
      token: this.token,
      intervals: part.intervals,
      position_ms: Math.round(part.positionMs),
      rate: part.rate,
      hidden: part.hidden,
      muted: part.muted,
      playing: part.playing,
      client_at: this.options.deviceTime(),
    }
  }

  private pause(ms: number): Promise<void> {
    const wait = this.options.wait ?? ((time) => new Promise<void>((resolve) => setTimeout(resolve, time)))
    return Promise.race([wait(ms), new Promise<void>((resolve) => (this.hurry = resolve))])
  }
}

export const keyOf = (sessionId: string): string => `beat:${sessionId}`

/** Put a part behind the waiting ones; parts under the same circumstances become one report. */
export function joined(waiting: readonly Part[], part: Part): Part[] {
  const last = waiting[waiting.length - 1]
  if (!last || last.hidden !== part.hidden || last.rate > 1 !== part.rate > 1) return [...waiting, part]
  const together: Part = {
    ...part,
    intervals: union([...last.intervals, ...part.intervals]),
    rate: Math.max(last.rate, part.rate),
  }
  return [...waiting.slice(0, -1), together]
}

/** Deliver what an earlier visit left behind, once; the server decides what it is still worth. */
export async function deliverLeftovers(
  drawer: Drawer<Unsent>,
  send: (unsent: Unsent) => Promise<unknown>,
): Promise<void> {
  for (const { key, value } of await drawer.list('beat:')) {
    try {
      await send(value)
    } catch (error) {
      if (asProblem(error).isOffline) continue
    }
    await drawer.remove(key)
  }
}

/** Slack between the player's rounding and the server's, in seconds. */
const HOLE_S = 0.3

/**
 * Where playing must go back to when the end of a report was not counted; null when all is well.
 *
 * What lies beyond a hole would never count, however long it plays.
 */
export function rewindPoint(answer: HeartbeatAnswer, body: HeartbeatBody): number | null {
  const end = Math.max(0, ...body.intervals.map(([, to]) => to)) / 1000
  return end > answer.furthest_s + HOLE_S ? answer.furthest_s : null
}
