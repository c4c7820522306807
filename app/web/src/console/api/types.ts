/** Shapes of the interface that the console's pages read; see docs/openapi.json. */
import type { Instant, Me as AnyMe, Uuid } from '@/api/types'

export type { Instant, List, QuestionKind, Role, Uuid } from '@/api/types'

export type Me = AnyMe

export interface Trade {
  code: string
  name: string
  group: string
  trade_class: string | null
  is_urgent: boolean
}

export type CourseStatus = 'draft' | 'in_review' | 'approved' | 'rejected' | 'published' | 'taken_down'

export interface CourseBody {
  title: string
  trade_code: string
  level: string
  standard_code: string
  textbook_title: string
  textbook_isbn: string
  source: 'purchased' | 'own'
  teacher_name: string | null
  teacher_qualification: string | null
  is_demo: boolean
}

export interface Course extends CourseBody {
  id: Uuid
  trade: string
  level_title: string
  status: CourseStatus
  status_title: string
  /** Whether the asking account made it; nobody reviews their own. */
  mine: boolean
  review_note: string | null
  created_at: Instant
  published_at: Instant | null
}

export interface MediaWarning {
  code: string
  text: string
}

export interface Media {
  id: Uuid
  status: 'processing' | 'ready' | 'rejected'
  file_name: string
  size_bytes: number
  container: string | null
  duration_s: number | null
  width: number | null
  height: number | null
  has_audio: boolean | null
  mean_volume_db: number | null
  warnings: MediaWarning[]
  problem: string | null
  play_url: string | null
}

export interface Lesson {
  id: Uuid
  position: number
  title: string
  kind: string
  hours: number
  media: Media | null
}

export interface CourseStep {
  at: Instant
  from_status: CourseStatus
  to_status: CourseStatus
  title: string
  by_me: boolean
  note: string | null
}

export interface CourseDetail extends Course {
  hours: number
  /** The shortest teaching time of one lesson hour, in minutes. */
  lesson_minutes: number
  lessons: Lesson[]
  steps: CourseStep[]
}

export interface UploadPart {
  no: number
  url: string
  method: string
}

export interface Upload {
  id: Uuid
  state: 'open' | 'completed' | 'aborted' | 'expired'
  file_name: string
  size_bytes: number
  part_size_bytes: number
  part_count: number
  /** SHA-256 of every part the server holds, by its number. */
  received: Record<string, string>
  /** Signed addresses of parts still to send; perhaps not of all. */
  parts: UploadPart[]
  expires_at: Instant
}

export type BankKind = 'single' | 'multiple' | 'true_false'

export interface BankQuestion {
  id: Uuid
  kind: BankKind
  stem: string
  options: { key: string; text: string }[]
  answer: string[]
  knowledge_point: string
  difficulty: string
  explanation: string
  status: 'draft' | 'approved' | 'rejected'
  mine: boolean
}

export interface Bank {
  total: number
  approved: number
  drafts: number
  /** Approved questions of each kind. */
  by_kind: Record<string, number>
  items: BankQuestion[]
  next_cursor: string | null
}

export interface ImportResult {
  rows: number
  good: number
  imported: number
  errors: { row: number; column: string; message: string }[]
}

export interface ExamBody {
  title: string
  counts: Record<BankKind, number>
  scores: Record<BankKind, number>
  pass_score: number
  duration_minutes: number
}

export interface Exam extends ExamBody {
  id: Uuid
  status: 'draft' | 'published'
  total_score: number
  needed: number
  available: number
  missing: number
  feasible: boolean
  message: string
}

export type ClassStatus = 'imported' | 'startable' | 'open' | 'closed'

export interface ClassSummary {
  id: Uuid
  code: string
  name: string
  organization: string
  trade_code: string
  trade: string
  /** Name of the level. */
  level: string
  claimable: boolean
  status: ClassStatus
  status_title: string
  planned_hours: number
  online_hours: number
  approval_no: string | null
  approved_at: Instant | null
  start_on: string
  end_on: string
  headcount: number
  course_id: Uuid | null
  opened_at: Instant | null
  /** What is missing before it can be opened; empty when nothing is. */
  missing: string[]
}

export interface ClassTrainee {
  enrollment_id: Uuid
  learner_ref: string
  name_masked: string
  phone_masked: string
  category: string
  real_name_confirmed: boolean
  /** Whether a player is open and in contact right now. */
  online: boolean
  lessons_done: number
  lessons_total: number
  hours_done: number
  hours_total: number
  check_ins_passed: number
  check_ins_missed: number
  exam: string
}

export interface ClassDetail extends ClassSummary {
  course_title: string | null
  roster_sha256: string | null
  seed_commitment: string | null
  trainees: ClassTrainee[]
}

export interface TracePerson {
  name_masked: string
  id_number_masked: string
  phone_masked: string
  status: string
}

export interface TraceEnrollment {
  enrollment_id: Uuid
  class_code: string
  class_name: string
  organization_name: string
  trade: string
  level: string
  claimable: boolean
  start_on: string
  end_on: string
}

export interface ClearPerson {
  name: string
  id_number: string
  phone: string
}

export interface RegionClass {
  code: string
  name: string
  organization_name: string
  trade: string
  level: string
  status: ClassStatus
  claimable: boolean
  headcount: number
  entry_count: number
  waiting_count: number
}

export interface DemoAccounts {
  password: string
  staff: { login_name: string; title: string; totp: string }[]
}

export interface TraceResult {
  person: TracePerson
  enrollments: TraceEnrollment[]
}

export interface TraceFile {
  sha256: string
  kind: string
  media_type: string
  size_bytes: number
  url: string
}

export interface TraceEntry {
  seq: number
  event_type: string
  title: string
  occurred_at: Instant
  recorded_at: Instant
  summary: string
  /** Null where there is nothing to pass. */
  passed: boolean | null
  files: TraceFile[]
  entry_hash: string
  delivery: { status: 'pending' | 'delivered' | 'dead'; delivered_at: Instant | null; receipt_id: string | null } | null
}

export interface Trace {
  person: TracePerson
  class: TraceEnrollment
  timeline: TraceEntry[]
  chain: { ok: boolean; head_seq: number; head_hash: string; problem: string | null }
}

export interface CityDigest {
  day: string
  class_name: string
  matches: boolean | null
  detail: string | null
}

export interface CityStatus {
  pending: number
  oldest_pending_at: Instant | null
  dead: number
  stopped_reason: string | null
  last_success_at: Instant | null
  digests: CityDigest[]
}
