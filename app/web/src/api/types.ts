/**
 * What the pages read from the interface: the generated shapes (`npm run types`), with the words of each closed list.
 *
 * A field that the interface renames or drops fails the type check here.
 */
import type { components } from './schema'

type Schemas = components['schemas']
type Narrow<Shape, Closer extends { [K in keyof Closer]: K extends keyof Shape ? unknown : never }> = Omit<
  Shape,
  keyof Closer
> &
  Closer

export type Uuid = string
/** RFC 3339 with a zone. */
export type Instant = string

export interface List<T> {
  items: T[]
  next_cursor?: string | null
}

export type Role = 'trainee' | 'institution_author' | 'institution_reviewer' | 'bureau_auditor' | 'operator'
export type Step = Schemas['app__api__v1__auth__StepOut']
export type Me = Narrow<Schemas['Me'], { role: Role }>
export type CodeSent = Schemas['CodeSentOut']
export type SmsMessage = Schemas['Message']
export type DemoAccounts = Schemas['DemoAccounts']

export type Consent = Schemas['ConsentOut']
export type RealName = Schemas['RealName']
export type RealNameEnrollment = Schemas['app__api__v1__real_name__EnrollmentOut']

export type FaceEnrolment = Narrow<Schemas['EnrolmentView'], { state: 'none' | 'collecting' | 'complete' }>
export type FacePhotoAnswer = Narrow<Schemas['PhotoResult'], { enrolment: FaceEnrolment }>
export type Passkey = Schemas['PasskeyOut']

export type ExamSummary = Narrow<
  Schemas['ExamState'],
  { state: 'none' | 'not_started' | 'identity_pending' | 'running' | 'submitted' | 'graded' }
>
export type Enrollment = Narrow<Schemas['EnrollmentView'], { exam: ExamSummary }>
export type LessonState = 'locked' | 'open' | 'watched' | 'completed'
export type LessonItem = Narrow<Schemas['LessonView'], { state: LessonState }>
export type EnrollmentDetail = Narrow<Schemas['EnrollmentDetail'], { exam: ExamSummary; lessons: LessonItem[] }>

export type CheckInPurpose = 'sign_in' | 'random' | 'make_up' | 'exam_identity'
export type CheckInStatus = 'planned' | 'due' | 'passed' | 'failed' | 'missed' | 'canceled'
export type CheckInMethod = 'face' | 'passkey'
export type CheckIn = Narrow<
  Schemas['CheckInView'],
  { purpose: CheckInPurpose; status: CheckInStatus; methods: CheckInMethod[] }
>
export type CheckInAnswer = Narrow<
  Schemas['TryResult'],
  { status: CheckInStatus; outcome: 'pass' | 'unsure' | 'fail'; check_in: CheckIn }
>

export type Excluded = Schemas['HeartbeatExcluded']
export type SessionState = 'awaiting_sign_in' | 'active' | 'stopped' | 'replaced' | 'ended'
export type Session = Narrow<
  Schemas['SessionView'],
  { state: SessionState; check_in: CheckIn | null; excluded: Excluded[] }
>
export type HeartbeatBody = Narrow<Schemas['HeartbeatIn'], { intervals: [number, number][] }>
export type HeartbeatAnswer = Narrow<Schemas['HeartbeatOut'], { state: SessionState }>

export type QuestionKind = 'single' | 'multiple' | 'true_false'
export type Question = Narrow<Schemas['QuestionView'], { kind: QuestionKind }>
export type GateQuestion = Narrow<Schemas['GateQuestion'], { kind: QuestionKind }>
export type Gate = Narrow<Schemas['GateView'], { questions: GateQuestion[] }>
export type GateResult = Narrow<Schemas['GateResult'], { next: 'advance' | 'restudy' }>

export type SavedAnswer = Schemas['AnswerView']
export type ExamResult = Narrow<Schemas['ResultView'], { outcome: 'passed' | 'failed' | 'identity_unverified' }>
export type Attempt = Narrow<
  Schemas['AttemptView'],
  {
    state: 'identity_pending' | 'running' | 'submitted' | 'graded'
    check_in: CheckIn | null
    paper: { questions: Question[] } | null
    result: ExamResult | null
  }
>
export type AnswerSaved = Schemas['AnswerSaved']
