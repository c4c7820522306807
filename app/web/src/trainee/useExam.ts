/** The one attempt at the final exam: its state on the server, answers on their way, the tab that may write. */
import { computed, onUnmounted, ref, shallowRef } from 'vue'
import type { AnswerSaved, Attempt } from '@/api/types'
import { get, post } from '@/shared/api/http'
import { asProblem, type ProblemError } from '@/shared/api/problem'
import { serverClock } from '@/shared/api/serverClock'
import { openDrawer } from '@/shared/queue'
import { AnswerQueue, type PendingAnswer, type SaveState } from '@/shared/study/answerQueue'
import { tabLease, type TabLease } from '@/shared/tabLease'

const ANSWER_TIMEOUT_MS = 10_000
const POLL_MS = 2_500

export function useExam(enrollmentId: string) {
  const attempt = shallowRef<Attempt | null>(null)
  const answers = shallowRef(new Map<number, string[]>())
  const problem = shallowRef<ProblemError | null>(null)
  const saveProblem = shallowRef<ProblemError | null>(null)
  const isElsewhere = ref(false)
  const savedAt = ref<string | null>(null)
  const version = ref(0)
  let queue: AnswerQueue | null = null
  let lease: TabLease | null = null
  let polling: ReturnType<typeof setInterval> | undefined

  const deadline = computed(() => attempt.value?.deadline_at ?? null)
  const isRunning = computed(() => attempt.value?.state === 'running')

  /** Begin the attempt, or come back to it: the server keeps one for each trainee. */
  async function start(): Promise<void> {
    await adopt(await post<Attempt>(`/me/enrollments/${enrollmentId}/exam/start`))
  }

  async function refresh(): Promise<void> {
    if (attempt.value) await adopt(await get<Attempt>(`/me/attempts/${attempt.value.id}`))
  }

  async function adopt(fresh: Attempt): Promise<void> {
    const wasRunning = isRunning.value && queue !== null && !queue.isStopped
    attempt.value = fresh
    if (fresh.state === 'running' && !wasRunning) await takeUp(fresh, false)
    if (fresh.state === 'submitted' || (fresh.state === 'graded' && !fresh.pdf_ready)) poll()
    else clearInterval(polling)
    if (fresh.state !== 'running' && fresh.state !== 'identity_pending') finish()
  }

  /** Make this tab the one that writes; with `force` take over from another. */
  async function takeUp(fresh: Attempt, force: boolean): Promise<void> {
    lease ??= tabLease(`exam:${fresh.id}`, () => {
      queue?.stop()
      queue = null
      isElsewhere.value = true
    })
    isElsewhere.value = !lease.acquire(force)
    if (isElsewhere.value) return
    queue?.stop()
    queue = new AnswerQueue({
      attemptId: fresh.id,
      lastSeq: fresh.last_seq,
      drawer: await openDrawer<PendingAnswer>(),
      send: (answer) =>
        post<AnswerSaved>(
          `/me/attempts/${fresh.id}/answers`,
          { seq: answer.seq, no: answer.no, value: answer.value, client_at: answer.client_at },
          { timeoutMs: ANSWER_TIMEOUT_MS, keepalive: true },
        ),
      deviceTime: () => new Date().toISOString(),
      onChange: () => (version.value += 1),
      onSaved: (saved) => {
        savedAt.value = saved.saved_at
        saveProblem.value = null
        if (attempt.value && saved.deadline_at !== attempt.value.deadline_at) {
          attempt.value = { ...attempt.value, deadline_at: saved.deadline_at }
        }
      },
      onRefused: (refused) => {
        if (refused.code !== 'answer-conflict') saveProblem.value = refused
        void refresh().catch(() => undefined)
      },
    })
    answers.value = new Map()
    const restored = await queue.restore(fresh.answers)
    answers.value = new Map([...restored, ...answers.value]) // a quick finger may have chosen meanwhile
    version.value += 1
  }

  async function takeOver(): Promise<void> {
    if (!attempt.value) return
    const fresh = await get<Attempt>(`/me/attempts/${attempt.value.id}`)
    attempt.value = fresh
    if (fresh.state === 'running') await takeUp(fresh, true)
    else await adopt(fresh)
  }

  function choose(no: number, value: string[]): void {
    answers.value = new Map(answers.value).set(no, value)
    void queue?.set(no, value)
  }

  /** How a question's answer stands; reads `version`, so that pages follow it. */
  const saveStateOf = (no: number): SaveState => (version.value >= 0 ? (queue?.stateOf(no) ?? 'none') : 'none')
  const unsent = computed(() => (version.value >= 0 ? (queue?.unsentCount ?? 0) : 0))

  /** Hand the paper in, after the last answers have arrived. */
  async function submit(): Promise<void> {
    if (!attempt.value) return
    const isAllSaved = (await queue?.flush()) ?? true
    if (!isAllSaved && serverClock.until(deadline.value) > 0) {
      throw saveProblem.value ?? asProblem(new Error('answers are not saved'))
    }
    await adopt(await post<Attempt>(`/me/attempts/${attempt.value.id}/submit`, {}, { retries: 2 }))
  }

  function finish(): void {
    queue?.stop()
    queue = null
    lease?.release()
  }
  function poll(): void {
    clearInterval(polling)
    polling = setInterval(() => void refresh().catch(() => undefined), POLL_MS)
  }

  const onOnline = () => queue?.retryNow()
  const onLeave = (event: BeforeUnloadEvent) => {
    if (isRunning.value && unsent.value > 0) event.preventDefault()
  }
  window.addEventListener('online', onOnline)
  window.addEventListener('beforeunload', onLeave)
  onUnmounted(() => {
    window.removeEventListener('online', onOnline)
    window.removeEventListener('beforeunload', onLeave)
    clearInterval(polling)
    finish()
  })

  return { attempt, answers, problem, saveProblem, isElsewhere, isRunning, deadline, savedAt, unsent, start, refresh, takeOver, choose, saveStateOf, submit }
}
