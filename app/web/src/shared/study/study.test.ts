import { describe, expect, it, vi } from 'vitest'
import type { HeartbeatAnswer, HeartbeatBody } from '@/api/types'
import { offline, ProblemError } from '../api/problem'
import { inMemory } from '../queue'
import { AnswerQueue, type PendingAnswer, stillUnsent } from './answerQueue'
import { deliverLeftovers, HeartbeatLoop, joined, type Part, rewindPoint, type Unsent } from './heartbeatLoop'
import { measure, union } from './intervals'
import { PlayRecorder } from './playRecorder'

describe('union', () => {
  it('joins what overlaps or touches and drops what is empty', () => {
    expect(union([[5, 8], [0, 2], [2, 4], [7, 9], [3, 3]])).toEqual([[0, 4], [5, 9]])
  })
  it('never measures more than the whole span', () => {
    expect(measure(union([[0, 10], [0, 10], [5, 12]]))).toBe(12)
  })
})

describe('PlayRecorder', () => {
  it('records steady playing as one stretch', () => {
    const recorder = new PlayRecorder()
    for (let t = 0; t <= 2000; t += 250) recorder.advance(t, t, 1)
    expect(recorder.take()).toEqual({ intervals: [[0, 2000]], rate: 1 })
    expect(recorder.isEmpty).toBe(true)
  })
  it('does not count a jump ahead as played', () => {
    const recorder = new PlayRecorder()
    recorder.advance(0, 0, 1)
    recorder.advance(60_000, 250, 1)
    recorder.advance(60_250, 500, 1)
    expect(recorder.take().intervals).toEqual([[60_000, 60_250]])
  })
  it('reports the fastest rate it saw', () => {
    const recorder = new PlayRecorder()
    recorder.advance(0, 0, 1)
    recorder.advance(500, 250, 2)
    expect(recorder.take().rate).toBe(2)
  })
  it('does not bridge an interruption', () => {
    const recorder = new PlayRecorder()
    recorder.advance(0, 0, 1)
    recorder.interrupt()
    recorder.advance(400, 400, 1)
    expect(recorder.isEmpty).toBe(true)
  })
})

const part = (from: number, to: number, more: Partial<Part> = {}): Part => ({
  intervals: [[from, to]],
  positionMs: to,
  rate: 1,
  hidden: false,
  muted: false,
  playing: true,
  ...more,
})

const answerTo = (body: HeartbeatBody): HeartbeatAnswer => ({
  seq: body.seq,
  next_token: `t${body.seq + 1}`,
  interval_s: 10,
  credited_s: 0,
  furthest_s: 0,
  needed_s: 0,
  state: 'active',
  excluded: [],
  check_in: null,
  watched: false,
  server_time: '2026-03-02T01:00:00.000Z',
})

function loopWith(send: (body: HeartbeatBody) => Promise<HeartbeatAnswer>) {
  const drawer = inMemory<Unsent>()
  const seen = { sync: [] as string[], refused: [] as string[] }
  const loop = new HeartbeatLoop({
    sessionId: 's',
    token: 't1',
    nextSeq: 1,
    drawer,
    send,
    deviceTime: () => '2026-03-02T09:00:00+08:00',
    onAnswer: () => undefined,
    onRefused: (problem) => void seen.refused.push(problem.code),
    onSync: (state) => void seen.sync.push(state),
    wait: () => new Promise((resolve) => setTimeout(resolve, 1)),
  })
  return { loop, drawer, seen }
}

describe('joined', () => {
  it('makes one report of parts under the same circumstances', () => {
    expect(joined([part(0, 5)], part(5, 9))).toMatchObject([{ intervals: [[0, 9]], positionMs: 9 }])
  })
  it('keeps hidden playing apart, so that it spoils nothing else', () => {
    expect(joined([part(0, 5)], part(5, 9, { hidden: true }))).toHaveLength(2)
  })
})

describe('HeartbeatLoop', () => {
  it('numbers reports and carries the token of the last answer', async () => {
    const bodies: HeartbeatBody[] = []
    const { loop } = loopWith(async (body) => (bodies.push(body), answerTo(body)))
    loop.report(part(0, 5))
    loop.report(part(5, 9))
    await vi.waitFor(() => expect(bodies).toHaveLength(2))
    expect(bodies.map((body) => [body.seq, body.token])).toEqual([[1, 't1'], [2, 't2']])
  })
  it('sends an unanswered report again exactly as it was', async () => {
    const bodies: string[] = []
    const { loop, drawer, seen } = loopWith(async (body) => {
      bodies.push(JSON.stringify(body))
      if (bodies.length < 3) throw offline()
      return answerTo(body)
    })
    loop.report(part(0, 5))
    loop.report(part(5, 9))
    await vi.waitFor(() => expect(bodies).toHaveLength(4))
    expect(bodies[1]).toBe(bodies[0])
    expect(bodies[2]).toBe(bodies[0])
    expect(JSON.parse(bodies[3] as string)).toMatchObject({ seq: 2, intervals: [[5, 9]] })
    await vi.waitFor(async () => expect(await drawer.list('')).toEqual([]))
    expect(seen.sync).toContain('waiting')
  })
  it('keeps an unanswered report in the drawer when the page goes away', async () => {
    const { loop, drawer } = loopWith(async () => {
      loop.stop()
      throw offline()
    })
    loop.report(part(0, 5))
    await vi.waitFor(async () => expect(await drawer.list('beat:')).toHaveLength(1))
  })
  it('stops when the server refuses for good', async () => {
    const send = vi.fn(async () => {
      throw new ProblemError({ code: 'session-replaced', title: '已在另一台设备上课' }, 409)
    })
    const { loop, seen } = loopWith(send)
    loop.report(part(0, 5))
    await vi.waitFor(() => expect(seen.refused).toEqual(['session-replaced']))
    loop.report(part(5, 9))
    expect(send).toHaveBeenCalledTimes(1)
  })
})

describe('rewindPoint', () => {
  const body = { intervals: [[0, 9_000], [12_000, 20_000]] } as HeartbeatBody
  const furthest = (seconds: number) => ({ ...answerTo(body), furthest_s: seconds })
  it('leads back to the confirmed position when the end of a report was not counted', () => {
    expect(rewindPoint(furthest(15), body)).toBe(15)
  })
  it('is silent when all was counted, when older parts are replayed, and when nothing was played', () => {
    expect(rewindPoint(furthest(19.9), body)).toBeNull()
    expect(rewindPoint(furthest(500), body)).toBeNull()
    expect(rewindPoint(furthest(0), { ...body, intervals: [] })).toBeNull()
  })
})

describe('deliverLeftovers', () => {
  it('sends what an earlier visit left and keeps it only while offline', async () => {
    const drawer = inMemory<Unsent>()
    await drawer.put('beat:a', { sessionId: 'a', body: {} as HeartbeatBody })
    await deliverLeftovers(drawer, async () => {
      throw offline()
    })
    expect(await drawer.list('')).toHaveLength(1)
    await deliverLeftovers(drawer, async () => {
      throw new ProblemError({ title: '已结束' }, 409)
    })
    expect(await drawer.list('')).toHaveLength(0)
  })
})

const savedAt = { saved_at: '', server_time: '', deadline_at: '' }

function queueWith(send: (answer: PendingAnswer) => Promise<void>, lastSeq = 0, drawer = inMemory<PendingAnswer>()) {
  const refused: string[] = []
  const queue = new AnswerQueue({
    attemptId: 'x',
    lastSeq,
    drawer,
    send: async (answer) => {
      await send(answer)
      return { seq: answer.seq, ...savedAt }
    },
    deviceTime: () => '2026-03-02T09:00:00+08:00',
    onChange: () => undefined,
    onSaved: () => undefined,
    onRefused: (problem) => void refused.push(problem.code),
    wait: () => new Promise((resolve) => setTimeout(resolve, 1)),
  })
  return { queue, drawer, refused }
}

describe('AnswerQueue', () => {
  it('saves each change under a rising number', async () => {
    const sent: PendingAnswer[] = []
    const { queue } = queueWith(async (answer) => void sent.push(answer), 7)
    await queue.set(1, ['A'])
    await queue.set(2, ['B', 'C'])
    expect(await queue.flush()).toBe(true)
    expect(sent.map((answer) => [answer.no, answer.seq])).toEqual([[1, 8], [2, 9]])
    expect(queue.stateOf(1)).toBe('saved')
    expect(queue.stateOf(3)).toBe('none')
  })
  it('keeps the newer choice when the older one is acknowledged', async () => {
    const sent: string[][] = []
    let release: () => void = () => undefined
    const { queue } = queueWith(async (answer) => {
      sent.push(answer.value)
      if (sent.length === 1) await new Promise<void>((resolve) => (release = resolve))
    })
    await queue.set(1, ['A'])
    await queue.set(1, ['B'])
    release()
    await vi.waitFor(() => expect(sent).toEqual([['A'], ['B']]))
    expect(await queue.flush()).toBe(true)
  })
  it('restores unsent answers after a reload and sends them with numbers above the server’s', async () => {
    const drawer = inMemory<PendingAnswer>()
    await drawer.put('answer:x:0001', { no: 1, value: ['A'], seq: 3, client_at: '' })
    await drawer.put('answer:x:0002', { no: 2, value: ['B'], seq: 4, client_at: '' })
    const sent: PendingAnswer[] = []
    const { queue } = queueWith(async (answer) => void sent.push(answer), 6, drawer)
    const answers = await queue.restore([{ no: 1, value: ['C'], seq: 6 }, { no: 5, value: ['D'], seq: 5 }])
    expect(Object.fromEntries(answers)).toEqual({ 1: ['C'], 2: ['B'], 5: ['D'] })
    expect(await queue.flush()).toBe(true)
    expect(sent.map((answer) => [answer.no, answer.seq])).toEqual([[2, 7]])
    expect(await drawer.list('')).toEqual([])
  })
  it('says waiting while the network is down, and keeps the answer', async () => {
    let isDown = true
    const { queue, drawer } = queueWith(async () => {
      if (isDown) throw offline()
    })
    await queue.set(4, ['A'])
    await vi.waitFor(() => expect(queue.stateOf(4)).toBe('waiting'))
    expect(await drawer.list('answer:x:')).toHaveLength(1)
    isDown = false
    expect(await queue.flush()).toBe(true)
  })
  it('reports a refusal once and stops', async () => {
    const { queue, refused } = queueWith(async () => {
      throw new ProblemError({ code: 'attempt-over', title: '考试时间已到' }, 409)
    })
    await queue.set(1, ['A'])
    expect(await queue.flush()).toBe(false)
    expect(refused).toEqual(['attempt-over'])
  })
})

describe('stillUnsent', () => {
  it('drops what the server holds in the same or a newer version', () => {
    const stored = [{ no: 1, value: ['A'], seq: 2, client_at: '' }, { no: 2, value: [], seq: 9, client_at: '' }]
    expect(stillUnsent(stored, [{ no: 1, value: ['A'], seq: 2 }, { no: 2, value: ['B'], seq: 1 }])).toMatchObject([{ no: 2 }])
  })
})
