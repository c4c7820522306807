/**
 * Saves exam answers one by one, each with a rising number; an answer lies in the drawer until the server has it.
 */
import type { AnswerSaved, SavedAnswer } from '@/api/types'
import { asProblem, type ProblemError } from '../api/problem'
import type { Drawer } from '../queue'

export type SaveState = 'none' | 'saved' | 'saving' | 'waiting'

export interface PendingAnswer {
  no: number
  value: string[]
  seq: number
  client_at: string
}

export interface QueueOptions {
  attemptId: string
  lastSeq: number
  drawer: Drawer<PendingAnswer>
  send: (answer: PendingAnswer) => Promise<AnswerSaved>
  deviceTime: () => string
  onChange: () => void
  onSaved: (saved: AnswerSaved) => void
  /** The server refuses for good, for example because the time is over. */
  onRefused: (problem: ProblemError) => void
  wait?: (ms: number) => Promise<void>
}

const RETRY_MS = [1_000, 2_000, 4_000, 8_000]

export class AnswerQueue {
  private readonly pending = new Map<number, PendingAnswer>()
  private readonly saved = new Set<number>()
  private seq: number
  private running: Promise<void> | null = null
  private isWaiting = false
  private stopped = false
  private hurry: () => void = () => undefined

  constructor(private readonly options: QueueOptions) {
    this.seq = options.lastSeq
  }

  /**
   * Bring together what the server has and what lies in the drawer.
   *
   * @returns Answers by question number, newest first choice.
   */
  async restore(server: readonly SavedAnswer[]): Promise<Map<number, string[]>> {
    const answers = new Map(server.map((answer) => [answer.no, answer.value]))
    for (const answer of server) this.saved.add(answer.no)
    const stored = (await this.options.drawer.list(this.prefix)).map((entry) => entry.value)
    for (const answer of stillUnsent(stored, server)) {
      answers.set(answer.no, answer.value)
      await this.keep({ ...answer, seq: ++this.seq })
    }
    for (const answer of stored) {
      if (!this.pending.has(answer.no)) await this.options.drawer.remove(this.key(answer.no))
    }
    this.start()
    return answers
  }

  /** Choose an answer. */
  async set(no: number, value: string[]): Promise<void> {
    await this.keep({ no, value, seq: ++this.seq, client_at: this.options.deviceTime() })
    this.start()
  }

  stateOf(no: number): SaveState {
    if (!this.pending.has(no)) return this.saved.has(no) ? 'saved' : 'none'
    return this.isWaiting ? 'waiting' : 'saving'
  }

  /** Whether the server refused for good; a new queue has to take over. */
  get isStopped(): boolean {
    return this.stopped
  }

  get unsentCount(): number {
    return this.pending.size
  }

  /** Send everything that is left; tells whether nothing remained. */
  async flush(): Promise<boolean> {
    this.hurry()
    await this.running
    return this.pending.size === 0
  }

  retryNow(): void {
    this.hurry()
    this.start()
  }

  stop(): void {
    this.stopped = true
    this.hurry()
  }

  private start(): void {
    if (this.running !== null || this.stopped || this.pending.size === 0) return
    this.running = this.drain().finally(() => {
      this.running = null
    })
  }

  private async drain(): Promise<void> {
    for (let failures = 0; !this.stopped && this.pending.size > 0; ) {
      const answer = [...this.pending.values()].sort((a, b) => a.seq - b.seq)[0] as PendingAnswer
      try {
        const saved = await this.options.send(answer)
        failures = 0
        this.isWaiting = false
        await this.forget(answer)
        this.options.onSaved(saved)
      } catch (error) {
        const problem = asProblem(error)
        if (!problem.isPassing) {
          this.stopped = true
          this.isWaiting = true
          this.options.onChange()
          this.options.onRefused(problem)
          return
        }
        this.isWaiting = true
        this.options.onChange()
        await this.pause(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)] as number)
      }
    }
  }

  private async keep(answer: PendingAnswer): Promise<void> {
    this.pending.set(answer.no, answer)
    this.options.onChange()
    await this.options.drawer.put(this.key(answer.no), answer)
  }

  /** The server has it; a newer choice made meanwhile stays. */
  private async forget(answer: PendingAnswer): Promise<void> {
    this.saved.add(answer.no)
    if (this.pending.get(answer.no)?.seq === answer.seq) {
      this.pending.delete(answer.no)
      await this.options.drawer.remove(this.key(answer.no))
    }
    this.options.onChange()
  }

  private pause(ms: number): Promise<void> {
    const wait = this.options.wait ?? ((time) => new Promise<void>((resolve) => setTimeout(resolve, time)))
    return Promise.race([wait(ms), new Promise<void>((resolve) => (this.hurry = resolve))])
  }

  private get prefix(): string {
    return `answer:${this.options.attemptId}:`
  }

  private key(no: number): string {
    return this.prefix + String(no).padStart(4, '0')
  }
}

/** Answers of the drawer that the server does not have yet, in the order they were given. */
export function stillUnsent(stored: readonly PendingAnswer[], server: readonly SavedAnswer[]): PendingAnswer[] {
  const known = new Map(server.map((answer) => [answer.no, answer.seq]))
  return stored.filter((answer) => (known.get(answer.no) ?? 0) < answer.seq).sort((a, b) => a.seq - b.seq)
}
