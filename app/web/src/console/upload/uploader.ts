/**
 * Sends a file in parts that survive a pause, a bad line and a reload.
 *
 * Every part is read once, hashed, and either found on the server already or sent. The hash of the whole file grows
 * along the way, so that at the end the server can compare what it has with what was chosen here.
 */
import { asProblem, ProblemError } from '@/shared/api/problem'
import type { Upload } from '../api/types'
import { type PartSpan, planParts, receivedBytes } from './plan'
import { Sha256 } from './sha256'

export type Phase = 'sending' | 'paused' | 'joining' | 'done' | 'failed'

export interface Progress {
  phase: Phase
  sentBytes: number
  totalBytes: number
  problem: ProblemError | null
}

export interface Server {
  /** How the upload stands, with addresses for parts still to send. */
  look(id: string): Promise<Upload>
  /** PUT bytes to a signed address. */
  put(url: string, method: string, bytes: Uint8Array<ArrayBuffer>, sent: (n: number) => void, signal: AbortSignal): Promise<string | null>
  confirm(id: string, part: { no: number; sha256: string; etag: string | null }): Promise<void>
  complete(id: string, sha256: string): Promise<void>
}

export interface Source {
  size: number
  read(from: number, to: number): Promise<Uint8Array<ArrayBuffer>>
}

export interface Tools {
  server: Server
  hash: (bytes: Uint8Array<ArrayBuffer>) => Promise<string>
  wait?: (ms: number) => Promise<void>
}

const TRIES = 5
const STRETCH = 1 << 20

class Stopped extends Error {}

export const otherFile = (): ProblemError =>
  new ProblemError(
    { code: 'other-file', title: '不是同一个文件', detail: '所选文件与上次上传的内容不同。请选择原来的文件，或放弃上次的上传重新开始。' },
    409,
  )

export class Uploader {
  progress: Progress
  private aborter = new AbortController()
  private readonly plan: PartSpan[]
  private readonly wait: (ms: number) => Promise<void>
  private running = false

  constructor(
    private upload: Upload,
    private readonly source: Source,
    private readonly tools: Tools,
    private readonly changed: (progress: Progress) => void,
  ) {
    this.plan = planParts(upload.size_bytes, upload.part_size_bytes)
    this.wait = tools.wait ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)))
    this.progress = {
      phase: 'paused',
      sentBytes: receivedBytes(this.plan, upload.received),
      totalBytes: upload.size_bytes,
      problem: null,
    }
  }

  get uploadId(): string {
    return this.upload.id
  }

  /** Send what is missing; resolves when everything is joined, or when it was paused or has failed. */
  async run(): Promise<Phase> {
    if (this.running) return this.progress.phase
    this.running = true
    this.aborter = new AbortController()
    this.show({ phase: 'sending', problem: null })
    try {
      await this.send()
    } catch (error) {
      if (error instanceof Stopped) this.show({ phase: 'paused' })
      else this.show({ phase: 'failed', problem: asProblem(error) })
    } finally {
      this.running = false
    }
    return this.progress.phase
  }

  /** Stop after the request under way; `run` continues. */
  pause(): void {
    this.aborter.abort()
  }

  private async send(): Promise<void> {
    if (this.source.size !== this.upload.size_bytes) throw otherFile()
    const whole = new Sha256()
    for (const part of this.plan) {
      this.stopIfAsked()
      const bytes = await this.source.read(part.from, part.to)
      await this.feed(whole, bytes)
      const sha256 = await this.tools.hash(bytes)
      const held = this.upload.received[String(part.no)]
      if (held !== undefined && held !== sha256) throw otherFile()
      if (held === undefined) await this.sendPart(part, bytes, sha256)
    }
    this.show({ phase: 'joining', sentBytes: this.upload.size_bytes })
    await this.tools.server.complete(this.upload.id, whole.hex())
    this.show({ phase: 'done' })
  }

  /** Hash in short stretches, so that the page stays alive. */
  private async feed(whole: Sha256, bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; from += STRETCH) {
      whole.update(bytes.subarray(from, from + STRETCH))
      if (bytes.length > STRETCH) await this.wait(0)
    }
  }

  private async sendPart(part: PartSpan, bytes: Uint8Array<ArrayBuffer>, sha256: string): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      this.stopIfAsked()
      try {
        const { url, method } = await this.addressOf(part.no)
        const before = receivedBytes(this.plan, this.upload.received)
        const sent = (n: number) => this.show({ sentBytes: before + Math.min(n, bytes.length) })
        const etag = await this.tools.server.put(url, method, bytes, sent, this.aborter.signal)
        await this.tools.server.confirm(this.upload.id, { no: part.no, sha256, etag })
        this.upload.received[String(part.no)] = sha256
        this.show({ sentBytes: receivedBytes(this.plan, this.upload.received) })
        return
      } catch (error) {
        this.stopIfAsked()
        const problem = asProblem(error)
        const isStale = problem.status === 403 || problem.status === 410
        if (attempt >= TRIES || !(problem.isPassing || isStale)) throw problem
        this.upload.parts = []
        await this.wait(Math.min(15_000, 500 * 2 ** attempt))
      }
    }
  }

  private async addressOf(no: number): Promise<{ url: string; method: string }> {
    const known = this.upload.parts.find((part) => part.no === no)
    if (known) return known
    this.upload = await this.tools.server.look(this.upload.id)
    const fresh = this.upload.parts.find((part) => part.no === no)
    if (fresh) return fresh
    throw new ProblemError({ code: 'no-address', title: '上传已经关闭', detail: '这次上传已经过期，请重新选择文件上传。' }, 409)
  }

  private stopIfAsked(): void {
    if (this.aborter.signal.aborted) throw new Stopped()
  }

  private show(change: Partial<Progress>): void {
    this.progress = { ...this.progress, ...change }
    this.changed(this.progress)
  }
}
