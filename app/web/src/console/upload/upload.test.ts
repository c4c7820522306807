import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ProblemError } from '@/shared/api/problem'
import type { Upload } from '../api/types'
import { looksLike, mediaTypeOf, planParts, receivedBytes, secondsLeft } from './plan'
import { Sha256, sha256Hex } from './sha256'
import { type Progress, type Server, Uploader } from './uploader'

const bytesOf = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 255)
const expected = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

describe('Sha256', () => {
  it('agrees with the reference for every length around a block', () => {
    for (const length of [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000]) {
      const bytes = bytesOf(length)
      expect(new Sha256().update(bytes).hex(), String(length)).toBe(expected(bytes))
    }
  })

  it('does not care how the bytes are cut', () => {
    const bytes = bytesOf(5000)
    const hash = new Sha256()
    for (let from = 0; from < bytes.length; from += 37) hash.update(bytes.subarray(from, from + 37))
    expect(hash.hex()).toBe(expected(bytes))
  })
})

describe('planParts', () => {
  it('covers the file without gap or overlap', () => {
    expect(planParts(10, 4)).toEqual([
      { no: 1, from: 0, to: 4 },
      { no: 2, from: 4, to: 8 },
      { no: 3, from: 8, to: 10 },
    ])
  })
  it('makes no empty last part', () => expect(planParts(8, 4)).toHaveLength(2))
  it('makes nothing of an empty file', () => expect(planParts(0, 4)).toEqual([]))
  it('counts what the server holds', () => expect(receivedBytes(planParts(10, 4), { 1: 'a', 3: 'b' })).toBe(6))
})

describe('small helpers', () => {
  it('give no estimate before two seconds', () => expect(secondsLeft(100, 10, 1999)).toBeNull())
  it('estimate by the pace so far', () => expect(secondsLeft(100, 50, 5000)).toBe(10))
  it('tell a file by name and size', () => {
    const begun = { uploadId: 'u', fileName: 'a.mp4', sizeBytes: 3 }
    expect(looksLike({ name: 'a.mp4', size: 3 }, begun)).toBe(true)
    expect(looksLike({ name: 'a.mp4', size: 4 }, begun)).toBe(false)
  })
  it('name the type by the ending when the browser does not know', () => {
    expect(mediaTypeOf({ name: '第一课.FLV', type: '' })).toBe('video/x-flv')
    expect(mediaTypeOf({ name: 'a.mp4', type: 'video/mp4' })).toBe('video/mp4')
    expect(mediaTypeOf({ name: 'a.avi', type: 'video/x-msvideo' })).toBe('video/x-msvideo')
  })
})

class FakeServer implements Server {
  stored = new Map<number, Uint8Array>()
  completed: string | null = null
  puts = 0
  looks = 0
  failing: (ProblemError | null)[] = []
  onPut: () => void = () => undefined

  constructor(readonly upload: Upload) {}

  look = async (): Promise<Upload> => {
    this.looks += 1
    return { ...this.upload, parts: this.addresses() }
  }
  addresses = () =>
    Array.from({ length: this.upload.part_count }, (_, i) => ({ no: i + 1, url: `/p/${i + 1}`, method: 'PUT' }))
  put: Server['put'] = async (url, _method, bytes, sent) => {
    this.puts += 1
    this.onPut()
    const failure = this.failing.shift()
    if (failure) throw failure
    sent(bytes.length)
    this.stored.set(Number(url.split('/').pop()), bytes)
    return 'etag'
  }
  confirm: Server['confirm'] = async (_id, part) => {
    expect(part.sha256).toBe(expected(this.stored.get(part.no)!))
    this.upload.received[part.no] = part.sha256
  }
  complete: Server['complete'] = async (_id, sha256) => {
    this.completed = sha256
  }
}

function begin(size = 2500, partSize = 1000) {
  const bytes = bytesOf(size)
  const upload: Upload = {
    id: 'u',
    state: 'open',
    file_name: 'a.mp4',
    size_bytes: size,
    part_size_bytes: partSize,
    part_count: Math.ceil(size / partSize),
    received: {},
    parts: [],
    expires_at: '2026-03-03T00:00:00Z',
  }
  const server = new FakeServer(upload)
  const seen: Progress[] = []
  const make = (source = bytes, from: Upload = { ...upload, received: { ...upload.received } }) =>
    new Uploader(
      from,
      { size: source.length, read: async (a, b) => source.slice(a, b) },
      { server, hash: sha256Hex, wait: async () => undefined },
      (progress) => seen.push(progress),
    )
  return { bytes, upload, server, seen, make }
}

describe('Uploader', () => {
  it('sends every part once and ends with the hash of the whole file', async () => {
    const { bytes, server, seen, make } = begin()
    expect(await make().run()).toBe('done')
    expect(server.puts).toBe(3)
    expect(server.completed).toBe(expected(bytes))
    expect(seen.at(-1)).toMatchObject({ phase: 'done', sentBytes: 2500, totalBytes: 2500 })
  })

  it('never shows more sent than there is', async () => {
    const { seen, make } = begin()
    await make().run()
    expect(Math.max(...seen.map((one) => one.sentBytes))).toBe(2500)
  })

  it('continues after a reload with the missing parts only', async () => {
    const { bytes, server, upload, make } = begin()
    upload.received = { 1: expected(bytes.slice(0, 1000)) }
    expect(await make().run()).toBe('done')
    expect([...server.stored.keys()]).toEqual([2, 3])
    expect(server.completed).toBe(expected(bytes))
  })

  it('refuses another file of the same length instead of mixing two', async () => {
    const { bytes, server, upload, make, seen } = begin()
    upload.received = { 1: expected(bytes.slice(0, 1000)) }
    const other = bytes.slice()
    other[5] = (other[5]! + 1) & 255
    expect(await make(other).run()).toBe('failed')
    expect(server.puts).toBe(0)
    expect(seen.at(-1)?.problem?.code).toBe('other-file')
  })

  it('tries a part again when the line breaks', async () => {
    const { server, make } = begin()
    server.failing = [new ProblemError({}, 0), new ProblemError({}, 503)]
    expect(await make().run()).toBe('done')
    expect(server.puts).toBe(5)
  })

  it('asks for fresh addresses when one has expired', async () => {
    const { server, make } = begin()
    server.failing = [null, new ProblemError({}, 403)]
    expect(await make().run()).toBe('done')
    expect(server.looks).toBeGreaterThan(1)
  })

  it('gives up on what trying again cannot mend', async () => {
    const { server, make, seen } = begin()
    server.failing = [new ProblemError({ title: '文件太大' }, 413)]
    expect(await make().run()).toBe('failed')
    expect(seen.at(-1)?.problem?.title).toBe('文件太大')
  })

  it('pauses between parts and goes on where it stopped', async () => {
    const { server, make } = begin()
    const uploader = make()
    server.onPut = () => {
      if (server.puts === 2) uploader.pause()
    }
    expect(await uploader.run()).toBe('paused')
    expect(server.completed).toBeNull()
    const before = server.puts
    expect(await uploader.run()).toBe('done')
    expect(server.puts - before).toBe(1)
  })
})
