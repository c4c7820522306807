/** The camera of the page: one for the whole app, so that it survives going from page to page. */
import { type InjectionKey, inject, type ShallowRef, shallowReadonly, shallowRef } from 'vue'
import { burstMoments, type Frame, grab } from './frames'
import { CLOSED, type CameraEvent, type CameraState, next, obstacle, reasonOf } from './machine'

/** Time before an unused camera is switched off after its last page has gone. */
const LINGER_MS = 4_000

export interface Camera {
  state: Readonly<ShallowRef<CameraState>>
  stream: Readonly<ShallowRef<MediaStream | null>>
  /** A page needs the camera: open it unless it runs. */
  open(): Promise<void>
  /** A page no longer needs it; it goes off unless another asks within a few seconds. */
  release(): void
  /** Switch off at once. */
  close(): void
  /** Take `count` frames spread over `spanMs`; null when the camera went away meanwhile. */
  burst(video: HTMLVideoElement, count: number, spanMs: number): Promise<Frame[] | null>
}

export const cameraKey: InjectionKey<Camera> = Symbol('camera')

export function createCamera(): Camera {
  const state = shallowRef<CameraState>(CLOSED)
  const stream = shallowRef<MediaStream | null>(null)
  let lingering: ReturnType<typeof setTimeout> | undefined

  const go = (event: CameraEvent) => {
    state.value = next(state.value, event)
    if (state.value.name === 'closed' || state.value.name === 'blocked') stop()
  }
  const stop = () => {
    for (const track of stream.value?.getTracks() ?? []) track.stop()
    stream.value = null
  }

  async function open(): Promise<void> {
    clearTimeout(lingering)
    if (state.value.name !== 'closed' && state.value.name !== 'blocked') return
    go({ type: 'open' })
    const reason = obstacle({
      isSecure: window.isSecureContext,
      hasCamera: Boolean(navigator.mediaDevices?.getUserMedia),
      userAgent: navigator.userAgent,
    })
    if (reason) return go({ type: 'failed', reason })
    try {
      const opened = await navigator.mediaDevices.getUserMedia({
        audio: false,
        video: { facingMode: 'user', width: { ideal: 640 }, height: { ideal: 480 } },
      })
      if (!isAsking(state.value)) {
        for (const track of opened.getTracks()) track.stop()
        return
      }
      stream.value = opened
      for (const track of opened.getVideoTracks()) track.addEventListener('ended', () => go({ type: 'lost' }))
      go({ type: 'granted' })
    } catch (error) {
      const name = error instanceof DOMException ? error.name : ''
      go({ type: 'failed', reason: reasonOf(name, navigator.userAgent) })
    }
  }

  async function burst(video: HTMLVideoElement, count: number, spanMs: number): Promise<Frame[] | null> {
    if (state.value.name !== 'live') return null
    go({ type: 'shoot', wanted: count })
    const startedAt = performance.now()
    const frames: Frame[] = []
    for (const moment of burstMoments(count, spanMs)) {
      await pause(startedAt + moment - performance.now())
      if (!isShooting(state.value) || video.videoWidth === 0) {
        if (isShooting(state.value)) go({ type: 'lost' })
        return null
      }
      const takenAtMs = Math.round(performance.now() - startedAt)
      frames.push({ blob: await grab(video), takenAtMs })
      go({ type: 'frame' })
    }
    return frames
  }

  return {
    state: shallowReadonly(state),
    stream: shallowReadonly(stream),
    open,
    burst,
    close: () => go({ type: 'close' }),
    release: () => {
      clearTimeout(lingering)
      lingering = setTimeout(() => go({ type: 'close' }), LINGER_MS)
    },
  }
}

export function useCamera(): Camera {
  const camera = inject(cameraKey)
  if (!camera) throw new Error('the app provides no camera')
  return camera
}

const isAsking = (state: CameraState): boolean => state.name === 'asking'
const isShooting = (state: CameraState): boolean => state.name === 'shooting'
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, Math.max(0, ms)))
