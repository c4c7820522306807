/** Which bytes make which part, and how far an upload has come. */

export interface PartSpan {
  /** From 1. */
  no: number
  from: number
  /** Half-open. */
  to: number
}

/** Cut a file into parts of one size; the last one may be shorter. */
export function planParts(sizeBytes: number, partSizeBytes: number): PartSpan[] {
  if (sizeBytes <= 0 || partSizeBytes <= 0) return []
  return Array.from({ length: Math.ceil(sizeBytes / partSizeBytes) }, (_, index) => ({
    no: index + 1,
    from: index * partSizeBytes,
    to: Math.min(sizeBytes, (index + 1) * partSizeBytes),
  }))
}

/** Bytes of the parts the server holds. */
export const receivedBytes = (plan: readonly PartSpan[], received: Readonly<Record<string, string>>): number =>
  plan.reduce((sum, part) => sum + (received[String(part.no)] ? part.to - part.from : 0), 0)

/** How long the rest takes at the pace so far; null while the pace is not known. */
export function secondsLeft(restBytes: number, sentBytes: number, elapsedMs: number): number | null {
  if (elapsedMs < 2000 || sentBytes <= 0) return null
  return Math.ceil((restBytes * elapsedMs) / sentBytes / 1000)
}

/** What is kept on this device of an upload under way, to continue it after a reload. */
export interface Remembered {
  uploadId: string
  fileName: string
  sizeBytes: number
}

export interface FileLike {
  name: string
  size: number
}

/** Whether a chosen file can be the one begun; its bytes are compared later, part by part. */
export const looksLike = (file: FileLike, begun: Remembered): boolean =>
  file.name === begun.fileName && file.size === begun.sizeBytes

/** Courseware is MP4 or FLV; browsers rarely know the second. */
const TYPES: Record<string, string> = { mp4: 'video/mp4', m4v: 'video/mp4', flv: 'video/x-flv' }

export const mediaTypeOf = (file: { name: string; type: string }): string =>
  TYPES[file.name.split('.').pop()?.toLowerCase() ?? ''] ?? (file.type || 'application/octet-stream')
