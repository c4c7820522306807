/** Pictures out of a running camera or out of a file, as JPEG of a modest size. */

/** Long side of a camera frame, in pixels. */
const FRAME_SIDE = 640
/** Long side of a picture taken with the phone's own camera program. */
const FILE_SIDE = 1280
const QUALITY = 0.9

export interface Frame {
  blob: Blob
  /** Monotonic milliseconds since the first frame of the burst. */
  takenAtMs: number
}

/** Take the video's present picture. */
export async function grab(video: HTMLVideoElement): Promise<Blob> {
  const scale = Math.min(1, FRAME_SIDE / Math.max(video.videoWidth, video.videoHeight))
  return drawn(video, Math.round(video.videoWidth * scale), Math.round(video.videoHeight * scale))
}

/** Bring a chosen picture to a modest size, upright. */
export async function shrink(file: Blob): Promise<Blob> {
  const address = URL.createObjectURL(file)
  try {
    const image = new Image()
    await new Promise<void>((resolve, reject) => {
      image.onload = () => resolve()
      image.onerror = () => reject(new Error('not a picture'))
      image.src = address
    })
    const scale = Math.min(1, FILE_SIDE / Math.max(image.naturalWidth, image.naturalHeight))
    return await drawn(image, Math.round(image.naturalWidth * scale), Math.round(image.naturalHeight * scale))
  } finally {
    URL.revokeObjectURL(address)
  }
}

async function drawn(source: CanvasImageSource, width: number, height: number): Promise<Blob> {
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  canvas.getContext('2d')?.drawImage(source, 0, 0, width, height)
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no picture'))), 'image/jpeg', QUALITY)
  })
}

/** When the frames of a burst are taken, in milliseconds after its start: evenly over `spanMs`. */
export function burstMoments(count: number, spanMs: number): number[] {
  if (count <= 1) return [0]
  return Array.from({ length: count }, (_, index) => Math.round((index * spanMs) / (count - 1)))
}
