/** Shapes of the interface that the trainee's pages read; see docs/openapi.json. */

export type Uuid = string
/** RFC 3339, UTC. */
export type Instant = string

export interface List<T> {
  items: T[]
  next_cursor?: string | null
}

export type Role =
  | 'trainee'
  | 'institution_author'
  | 'institution_reviewer'
  | 'bureau_auditor'
  | 'operator'

export interface Step {
  key: string
  title: string
  done: boolean
  href: string
}

export interface Me {
  account_id: Uuid
  role: Role
  display_name: string
  organization: { id: Uuid; name: string; kind: string } | null
  steps: Step[] | null
}

export interface SmsMessage {
  phone_masked: string
  text: string
  sent_at: Instant
}

export type ConsentState = 'given' | 'refused' | 'withdrawn' | 'unanswered'

export interface Consent {
  purpose: string
  title: string
  version: string
  sha256: string
  body_markdown: string
  required: boolean
  state: ConsentState
  at: Instant | null
}

export interface RealNameEnrollment {
  enrollment_id: Uuid
  class_name: string
  trade: string
  level: string
  category: string
  category_title: string
  needs_proof: boolean
  proof_title?: string | null
  proofs: { object_id: Uuid; file_name: string }[]
  confirmed: boolean
}

export interface RealName {
  person: {
    name_masked: string
    id_number_masked: string
    phone_masked: string
    status: string
  }
  enrollments: RealNameEnrollment[]
}

export interface FaceEnrolment {
  state: 'none' | 'collecting' | 'complete'
  photos_taken: number
  photos_needed: number
  advice: string[]
  needs_turn: boolean
  next_photo_at: Instant | null
}

export interface FacePhotoAnswer {
  accepted: boolean
  issues: { code: string; advice: string }[]
  enrolment: FaceEnrolment
}

export interface Passkey {
  id: Uuid
  name?: string
  created_at: Instant
}

export interface ExamSummary {
  id: Uuid | null
  state: string
  reason_not_allowed: string[]
}

export interface Enrollment {
  id: Uuid
  class_name: string
  class_code: string
  claimable: boolean
  trade: string
  level: string
  start_on: string
  end_on: string
  hours_done: number
  hours_planned: number
  lessons_done: number
  lessons_total: number
  exam: ExamSummary | null
}

export type LessonState = 'locked' | 'open' | 'watched' | 'completed'

export interface LessonItem {
  lesson_id: Uuid
  progress_id: Uuid | null
  position: number
  title: string
  hours: number
  duration_s: number
  state: LessonState
  credited_s: number
  needed_s: number
  gate: { state: string; pass_ratio_text: string } | null
}

export interface EnrollmentDetail extends Enrollment {
  lessons: LessonItem[]
}

export type CheckInPurpose = 'sign_in' | 'random' | 'make_up' | 'exam_identity'
export type CheckInStatus = 'planned' | 'due' | 'passed' | 'failed' | 'missed' | 'canceled'
export type CheckInMethod = 'face' | 'passkey'

export interface CheckIn {
  id: Uuid
  purpose: CheckInPurpose
  status: CheckInStatus
  methods: CheckInMethod[]
  nonce: string | null
  window_s: number
  expires_at: Instant | null
  tries_left: number
  title: string
  advice: string | null
}

export interface CheckInAnswer {
  status: CheckInStatus
  outcome: 'pass' | 'unsure' | 'fail'
  advice: string[]
  tries_left: number
  check_in: CheckIn
}

export interface Excluded {
  reason: string
  title: string
  seconds: number
}

export type SessionState = 'awaiting_sign_in' | 'active' | 'stopped' | 'replaced' | 'ended'

export interface Session {
  id: Uuid
  progress_id: Uuid
  state: SessionState
  check_in: CheckIn | null
  media_url: string
  media_duration_s: number
  furthest_s: number
  credited_s: number
  needed_s: number
  token: string
  next_seq: number
  interval_s: number
  watched: [number, number][]
  excluded: Excluded[]
  claimable: boolean
  rules: { playback_rate_max: number; seek_forward: boolean }
}

export interface HeartbeatBody {
  seq: number
  token: string
  intervals: [number, number][]
  position_ms: number
  rate: number
  hidden: boolean
  muted: boolean
  playing: boolean
  client_at: Instant
}

export interface HeartbeatAnswer {
  seq: number
  next_token: string
  interval_s: number
  credited_s: number
  furthest_s: number
  needed_s: number
  state: SessionState
  excluded: Excluded[]
  check_in: CheckIn | null
  watched: boolean
  server_time: Instant
}

export type QuestionKind = 'single' | 'multiple' | 'true_false'

export interface Question {
  no: number
  kind: QuestionKind
  stem: string
  options: { key: string; text: string }[]
  score?: number
}

export interface Gate {
  id: Uuid
  questions: Question[]
  pass_text: string
}

export interface GateResult {
  passed: boolean
  score: number
  pass_score: number
  next: 'advance' | 'restudy'
  message: string
}

export interface SavedAnswer {
  no: number
  value: string[]
  seq: number
}

export interface Attempt {
  id: Uuid
  state: 'identity_pending' | 'running' | 'submitted' | 'graded'
  check_in: CheckIn | null
  paper: { questions: Question[] } | null
  answers: SavedAnswer[]
  last_seq: number
  started_at: Instant | null
  deadline_at: Instant | null
  server_time: Instant
  duration_s: number
  result: {
    score: number
    total: number
    passed: boolean
    outcome: 'passed' | 'failed' | 'identity_unverified'
    title: string
  } | null
  pdf_ready: boolean
}

export interface AnswerSaved {
  seq: number
  saved_at: Instant
  server_time: Instant
  deadline_at: Instant
}
