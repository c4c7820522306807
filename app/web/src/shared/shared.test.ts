import 'fake-indexeddb/auto'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { request } from './api/http'
import { ProblemError } from './api/problem'
import { ServerClock } from './api/serverClock'
import { burstMoments } from './camera/frames'
import { CLOSED, type CameraEvent, next, obstacle, reasonOf } from './camera/machine'
import { amount, bytes, clock, day, duration, moment, percent } from './format'
import { idNumberHint, isIdNumber, phoneHint } from './idNumber'
import { openDrawer } from './queue'
import { isFree, LEASE_MS, tabLease } from './tabLease'
import { fromBase64, toBase64 } from './webauthn'

describe('ServerClock', () => {
  it('keeps the sample with the shortest trip', () => {
    let t = 0
    const told = new ServerClock(() => t, () => 0)
    told.observe({ sentAt: 0, receivedAt: 100, serverAt: 10_050 })
    told.observe({ sentAt: 100, receivedAt: 1100, serverAt: 10_900 })
    t = 2000
    expect(told.now()).toBe(12_000)
  })
  it('takes a contradicting sample, as after a sleeping device', () => {
    const told = new ServerClock(() => 1000, () => 0)
    told.observe({ sentAt: 0, receivedAt: 20, serverAt: 10_010 })
    told.observe({ sentAt: 500, receivedAt: 900, serverAt: 3_600_000 })
    expect(told.now()).toBe(3_600_300)
  })
  it('is not moved by the clock of the device', () => {
    let device = 5_000_000
    const told = new ServerClock(() => 0, () => device)
    told.observe({ sentAt: 0, receivedAt: 0, serverAt: 1_000 })
    device = 0
    expect(told.until(new Date(4_000).toISOString())).toBe(3_000)
  })
})

const run = (...events: CameraEvent[]) => events.reduce(next, CLOSED)

describe('camera machine', () => {
  it('opens, shoots a burst and is live again', () => {
    const shooting = run({ type: 'open' }, { type: 'granted' }, { type: 'shoot', wanted: 2 }, { type: 'frame' })
    expect(shooting).toEqual({ name: 'shooting', taken: 1, wanted: 2 })
    expect(next(shooting, { type: 'frame' })).toEqual({ name: 'live' })
  })
  it('is blocked when the camera goes away in a burst, and may be opened again', () => {
    const lost = run({ type: 'open' }, { type: 'granted' }, { type: 'shoot', wanted: 3 }, { type: 'lost' })
    expect(lost).toEqual({ name: 'blocked', reason: 'lost' })
    expect(next(lost, { type: 'open' })).toEqual({ name: 'asking' })
  })
  it('ignores an answer that comes after it was closed', () => {
    expect(run({ type: 'open' }, { type: 'close' }, { type: 'granted' })).toEqual(CLOSED)
  })
  it('takes no second burst while one runs', () => {
    const shooting = run({ type: 'open' }, { type: 'granted' }, { type: 'shoot', wanted: 3 })
    expect(next(shooting, { type: 'shoot', wanted: 9 })).toEqual(shooting)
  })
  it('tells WeChat, plain http and an old browser apart', () => {
    const wechat = 'Mozilla/5.0 (iPhone) MicroMessenger/8.0'
    expect(obstacle({ isSecure: true, hasCamera: true, userAgent: wechat })).toBeNull()
    expect(obstacle({ isSecure: true, hasCamera: false, userAgent: wechat })).toBe('in_app')
    expect(obstacle({ isSecure: false, hasCamera: false, userAgent: '' })).toBe('insecure')
    expect(obstacle({ isSecure: true, hasCamera: false, userAgent: '' })).toBe('unsupported')
    expect(reasonOf('NotAllowedError', wechat)).toBe('in_app')
    expect(reasonOf('NotAllowedError', '')).toBe('refused')
    expect(reasonOf('NotFoundError', '')).toBe('absent')
    expect(reasonOf('NotReadableError', '')).toBe('busy')
  })
  it('spreads a burst over its span', () => {
    expect(burstMoments(3, 2000)).toEqual([0, 1000, 2000])
    expect(burstMoments(1, 2000)).toEqual([0])
  })
})

describe('format', () => {
  it('writes durations, dates and sizes as people read them', () => {
    expect([duration(45), duration(750), duration(600), duration(3900)]).toEqual(['45秒', '12分30秒', '10分钟', '1小时05分'])
    expect([clock(65), clock(3661)]).toEqual(['01:05', '1:01:01'])
    expect(day('2026-03-02')).toBe('2026年3月2日')
    expect(moment('2026-03-02T17:05:00Z')).toBe('2026年3月3日 01:05')
    expect([amount(3), amount(2.5)]).toEqual(['3', '2.5'])
    expect(bytes(1_572_864)).toBe('1.5 MB')
  })
  it('never shows a hundred percent before all is done', () => {
    expect([percent(999, 1000), percent(1000, 1000), percent(1, 0)]).toEqual([99, 100, 0])
  })
})

describe('idNumberHint', () => {
  it('accepts the sample of the standard, with a small x too', () => {
    expect(isIdNumber('11010519491231002X')).toBe(true)
    expect(isIdNumber('11010519491231002x')).toBe(true)
  })
  it('says what is wrong while it is typed', () => {
    expect(idNumberHint('')).toBe('')
    expect(idNumberHint('110105')).toBe('还差 12 位')
    expect(idNumberHint('110105194912310021')).toContain('校验位')
    expect(idNumberHint('110105194913310021')).toContain('出生日期')
    expect(idNumberHint('1101O5')).toContain('数字')
  })
  it('checks a phone number', () => {
    expect(phoneHint('13800000000')).toBe('')
    expect(phoneHint('1380000')).toBe('还差 4 位')
    expect(phoneHint('23')).toContain('1 开头')
  })
})

describe('drawer', () => {
  it('keeps entries on the device, in order, by prefix', async () => {
    const first = await openDrawer<number>()
    await first.put('answer:a:0002', 2)
    await first.put('answer:a:0001', 1)
    await first.put('answer:b:0001', 9)
    const second = await openDrawer<number>()
    expect(await second.list('answer:a:')).toEqual([
      { key: 'answer:a:0001', value: 1 },
      { key: 'answer:a:0002', value: 2 },
    ])
    await second.remove('answer:a:0001')
    expect(await first.list('answer:a:')).toHaveLength(1)
  })
})

describe('tab lease', () => {
  it('belongs to the tab that renews it', () => {
    const held = JSON.stringify({ tab: 'one', at: 1000 })
    expect(isFree(held, 'one', 2000)).toBe(true)
    expect(isFree(held, 'two', 2000)).toBe(false)
    expect(isFree(held, 'two', 1001 + LEASE_MS)).toBe(true)
    expect(isFree(null, 'two', 0)).toBe(true)
    expect(isFree('rubbish', 'two', 0)).toBe(true)
  })
  it('is refused to a second tab, which may take it over', () => {
    const lost = vi.fn()
    const [first, second] = [tabLease('exam:1', lost), tabLease('exam:1', () => undefined)]
    expect([first.acquire(), second.acquire(), second.acquire(true)]).toEqual([true, false, true])
    window.dispatchEvent(new Event('storage'))
    expect(lost).toHaveBeenCalledTimes(1)
    second.release()
  })
  it('is free again as soon as its page has gone, so that a reload goes on', () => {
    const first = tabLease('exam:2', () => undefined)
    first.acquire()
    window.dispatchEvent(new Event('pagehide'))
    const second = tabLease('exam:2', () => undefined)
    expect(second.acquire()).toBe(true)
    second.release()
    first.release()
  })
})

describe('base64url', () => {
  it('comes back as it was', () => {
    const bytesIn = Uint8Array.from({ length: 256 }, (_, index) => index)
    expect(new Uint8Array(fromBase64(toBase64(bytesIn.buffer)))).toEqual(bytesIn)
    expect(toBase64(bytesIn.buffer)).not.toMatch(/[+/=]/)
  })
})

describe('request', () => {
  afterEach(() => vi.unstubAllGlobals())
  const answer = (status: number, body: unknown) =>
    new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/problem+json' } })

  it('throws what the problem document says, field by field', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => answer(422, { title: '有误', detail: '请改手机号', code: 'x', pointers: { '/phone': '格式不对' } })))
    const error = await request('/a', { method: 'POST', body: {} }).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(ProblemError)
    expect(error).toMatchObject({ status: 422, code: 'x', text: '请改手机号', fields: { '/phone': '格式不对' } })
  })
  it('tries a read again when the server was not reached, a write not', async () => {
    const fetching = vi.fn(async () => Promise.reject(new TypeError('failed')))
    vi.stubGlobal('fetch', fetching)
    await expect(request('/a', { retries: 1 })).rejects.toMatchObject({ code: 'offline' })
    expect(fetching).toHaveBeenCalledTimes(2)
    await expect(request('/a', { method: 'POST', body: {} })).rejects.toMatchObject({ code: 'offline' })
    expect(fetching).toHaveBeenCalledTimes(3)
  })
  it('marks every request as coming from our own pages', async () => {
    const fetching = vi.fn(async (_url: string, _init: RequestInit) => answer(200, { ok: true }))
    vi.stubGlobal('fetch', fetching)
    await request('/a')
    expect(fetching.mock.calls[0]?.[1].headers).toMatchObject({ 'X-Requested-With': 'zhengxue' })
  })
  it('gives up after the time allowed', async () => {
    vi.stubGlobal('fetch', (_url: string, init: RequestInit) =>
      new Promise((_resolve, reject) => init.signal?.addEventListener('abort', () => reject(new Error('aborted')))))
    await expect(request('/a', { timeoutMs: 10, retries: 0 })).rejects.toMatchObject({ code: 'timeout' })
  })
})
