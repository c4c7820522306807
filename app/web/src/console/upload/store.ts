/** Uploads under way; they go on while the person walks through the console. */
import { reactive } from 'vue'
import { asProblem, type ProblemError } from '@/shared/api/problem'
import { changeLesson } from '../api/institution'
import type { Upload, Uuid } from '../api/types'
import { beginUpload, fileSource, lookAtUpload, makeMedia, recall, remember, server } from './browser'
import { looksLike, mediaTypeOf } from './plan'
import { sha256Hex } from './sha256'
import { otherFile, type Phase, type Progress, Uploader } from './uploader'

export interface Running {
  fileName: string
  phase: Phase | 'starting' | 'attaching'
  sentBytes: number
  totalBytes: number
  startedAt: number
  startedWith: number
  problem: ProblemError | null
}

interface Entry {
  file: File
  uploader: Uploader | null
}

const running = reactive(new Map<Uuid, Running>())
const entries = new Map<Uuid, Entry>()

export const uploadOf = (lessonId: Uuid): Running | undefined => running.get(lessonId)

/** Begin, or continue what was begun before a reload with the same file. Resolves when the lesson has its video. */
export async function start(lessonId: Uuid, file: File): Promise<boolean> {
  entries.set(lessonId, { file, uploader: null })
  running.set(lessonId, {
    fileName: file.name,
    phase: 'starting',
    sentBytes: 0,
    totalBytes: file.size,
    startedAt: performance.now(),
    startedWith: 0,
    problem: null,
  })
  return go(lessonId)
}

/** Go on after a pause or a failure. */
export const resume = (lessonId: Uuid): Promise<boolean> => go(lessonId)

export function pause(lessonId: Uuid): void {
  entries.get(lessonId)?.uploader?.pause()
}

/** Give an upload up; what the server holds of it expires by itself. */
export function discard(lessonId: Uuid): void {
  pause(lessonId)
  entries.delete(lessonId)
  running.delete(lessonId)
  remember(lessonId, null)
}

async function go(lessonId: Uuid): Promise<boolean> {
  const entry = entries.get(lessonId)
  if (!entry) return false
  try {
    entry.uploader ??= await prepare(lessonId, entry.file)
    const state = running.get(lessonId)
    if (state) {
      state.startedAt = performance.now()
      state.startedWith = entry.uploader.progress.sentBytes
    }
    if ((await entry.uploader.run()) !== 'done') return false
    show(lessonId, { phase: 'attaching' })
    const media = await makeMedia(entry.uploader.uploadId)
    await changeLesson(lessonId, { media_id: media.id })
    discard(lessonId)
    return true
  } catch (error) {
    show(lessonId, { phase: 'failed', problem: asProblem(error) })
    return false
  }
}

async function prepare(lessonId: Uuid, file: File): Promise<Uploader> {
  const upload = (await continued(lessonId, file)) ?? (await begun(file))
  remember(lessonId, { uploadId: upload.id, fileName: file.name, sizeBytes: file.size })
  const changed = (progress: Progress) => show(lessonId, progress)
  const uploader = new Uploader(upload, fileSource(file), { server, hash: sha256Hex }, changed)
  show(lessonId, { sentBytes: uploader.progress.sentBytes })
  return uploader
}

async function continued(lessonId: Uuid, file: File): Promise<Upload | null> {
  const known = recall(lessonId)
  if (known === null) return null
  const upload = await lookAtUpload(known.uploadId).catch(() => null)
  if (upload === null || upload.state === 'aborted' || upload.state === 'expired') return null
  if (!looksLike(file, known)) throw otherFile()
  return upload
}

const begun = (file: File): Promise<Upload> =>
  beginUpload({ purpose: 'media', file_name: file.name, size_bytes: file.size, media_type: mediaTypeOf(file) })

function show(lessonId: Uuid, change: Partial<Running>): void {
  const state = running.get(lessonId)
  if (state) Object.assign(state, change)
}

window.addEventListener('beforeunload', (event) => {
  if ([...running.values()].some(({ phase }) => phase === 'sending' || phase === 'joining')) event.preventDefault()
})
