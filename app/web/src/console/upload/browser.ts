/** The uploader's two sides in a browser: the server and the chosen file. */
import { get, post } from '@/shared/api/http'
import { offline, ProblemError } from '@/shared/api/problem'
import type { Media, Upload, Uuid } from '../api/types'
import type { Remembered } from './plan'
import type { Server, Source } from './uploader'

export const beginUpload = (body: { purpose: string; file_name: string; size_bytes: number; media_type: string }) =>
  post<Upload>('/uploads', body)
export const lookAtUpload = (id: Uuid) => get<Upload>(`/uploads/${id}`)
export const makeMedia = (uploadId: Uuid) => post<Media>('/media', { upload_id: uploadId })

export const server: Server = {
  look: lookAtUpload,
  put,
  confirm: async (id, part) => {
    await post(`/uploads/${id}/parts`, part, { retries: 2 })
  },
  complete: async (id, sha256) => {
    await post(`/uploads/${id}/complete`, { sha256 }, { timeoutMs: 300_000, retries: 2 })
  },
}

function put(
  url: string,
  method: string,
  bytes: Uint8Array<ArrayBuffer>,
  sent: (n: number) => void,
  signal: AbortSignal,
): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open(method, url)
    request.upload.onprogress = (event) => sent(event.loaded)
    request.onload = () => {
      if (request.status < 300) resolve(request.getResponseHeader('ETag'))
      else reject(new ProblemError({ title: '这一段没有传上去' }, request.status))
    }
    request.onerror = () => reject(offline())
    request.onabort = () => reject(new Error('aborted'))
    signal.addEventListener('abort', () => request.abort(), { once: true })
    request.send(bytes)
  })
}

export const fileSource = (file: File): Source => ({
  size: file.size,
  read: async (from, to) => {
    try {
      return new Uint8Array(await readSlice(file.slice(from, to)))
    } catch {
      throw new ProblemError(
        { code: 'unreadable', title: '读不到文件', detail: '文件可能被移动、改名或正在使用。请重新选择文件。' },
        422,
      )
    }
  },
})

/** `Blob.arrayBuffer` is missing in browsers of 2018. */
const readSlice = (blob: Blob): Promise<ArrayBuffer> =>
  new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(reader.result as ArrayBuffer)
    reader.onerror = () => reject(reader.error ?? new Error('unreadable'))
    reader.readAsArrayBuffer(blob)
  })

const keyOf = (lessonId: Uuid) => `zx-upload-${lessonId}`

export function remember(lessonId: Uuid, value: Remembered | null): void {
  try {
    if (value === null) localStorage.removeItem(keyOf(lessonId))
    else localStorage.setItem(keyOf(lessonId), JSON.stringify(value))
  } catch {
    // A browser without storage cannot continue after a reload; uploading itself works.
  }
}

export function recall(lessonId: Uuid): Remembered | null {
  try {
    return JSON.parse(localStorage.getItem(keyOf(lessonId)) ?? 'null') as Remembered | null
  } catch {
    return null
  }
}
