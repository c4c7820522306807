/** Trace, evidence packs and the state of the push to the real-name system. */
import { BASE, get, post } from '@/shared/api/http'
import { offline, type ProblemDocument, ProblemError } from '@/shared/api/problem'
import type { CityStatus, ClearPerson, List, RegionClass, Trace, TraceResult, Uuid } from './types'

export const searchTrace = (idNumber: string, reason: string) =>
  post<TraceResult>('/trace/search', { id_number: idNumber, reason })
export const readTrace = (enrollmentId: Uuid) => get<Trace>(`/trace/enrollments/${enrollmentId}`)
export const unmask = (enrollmentId: Uuid, reason: string) =>
  post<ClearPerson>(`/trace/enrollments/${enrollmentId}/person`, { reason })
export const listRegionClasses = () => get<List<RegionClass>>('/trace/classes')
export const readCityStatus = () => get<CityStatus>('/city/status')
export const readVersion = () => get<{ name: string; version: string }>('/version')

export interface Download {
  blob: Blob
  fileName: string
}

/** Ask for the evidence pack of an enrolment and hand over its bytes. */
export async function fetchEvidencePack(enrollmentId: Uuid): Promise<Download> {
  const response = await fetch(`${BASE}/trace/enrollments/${enrollmentId}/evidence-pack`, {
    method: 'POST',
    credentials: 'same-origin',
    headers: { 'X-Requested-With': 'zhengxue', 'Content-Type': 'application/json' },
    body: '{}',
  }).catch(() => {
    throw offline()
  })
  if (!response.ok) {
    const document = (await response.json().catch(() => ({}))) as ProblemDocument
    throw new ProblemError(document, response.status)
  }
  return {
    blob: await response.blob(),
    fileName: fileNameOf(response.headers.get('Content-Disposition')) ?? `证据包-${enrollmentId.slice(0, 8)}.zip`,
  }
}

/** Read the file name of a Content-Disposition header, the UTF-8 form first. */
export function fileNameOf(header: string | null): string | null {
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(header ?? '')?.[1]
  if (encoded) {
    try {
      return decodeURIComponent(encoded)
    } catch {
      return null
    }
  }
  return /filename="?([^";]+)"?/i.exec(header ?? '')?.[1] ?? null
}

/** Let the browser save bytes under a name. */
export function save({ blob, fileName }: Download): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = fileName
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
