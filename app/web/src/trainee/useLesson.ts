/** One lesson in progress: its session with the server, the reports of playing, what counts and what stops it. */
import { computed, onUnmounted, ref, shallowRef } from 'vue'
import type { CheckIn, HeartbeatAnswer, HeartbeatBody, Session } from '@/api/types'
import { get, post } from '@/shared/api/http'
import { asProblem, type ProblemError } from '@/shared/api/problem'
import { openDrawer } from '@/shared/queue'
import { deliverLeftovers, HeartbeatLoop, rewindPoint, type SyncState, type Unsent } from '@/shared/study/heartbeatLoop'
import { PlayRecorder } from '@/shared/study/playRecorder'
import { tabLease } from '@/shared/tabLease'
import { deviceId } from './device'

/** What the page asks of the running player. */
export interface PlayerState {
  positionMs(): number
  rate(): number
  isMuted(): boolean
  rewindTo(seconds: number): void
}

export type Obstacle = 'other_tab' | 'other_device' | null

const HEARTBEAT_TIMEOUT_MS = 10_000

export function useLesson(enrollmentId: string, lessonId: string, player: () => PlayerState | null) {
  const session = shallowRef<Session | null>(null)
  const problem = shallowRef<ProblemError | null>(null)
  const loading = ref(false)
  const obstacle = ref<Obstacle>(null)
  const sync = ref<SyncState>('saved')
  const checkIn = shallowRef<CheckIn | null>(null)
  const isWatched = ref(false)
  const isPlaying = ref(false)
  const recorder = new PlayRecorder()
  const lease = tabLease('lesson', () => leave('other_tab'))
  let loop: HeartbeatLoop | null = null
  let timer: ReturnType<typeof setInterval> | undefined
  let intervalS = 0
  let isGone = false

  const path = `/me/enrollments/${enrollmentId}/lessons/${lessonId}/sessions`
  /** Watching again what is complete: nothing is counted and nothing is asked. */
  const isReview = computed(() => session.value?.state === 'ended' && session.value.media_url !== null)
  const isHeld = computed(() => {
    if (session.value === null || obstacle.value !== null) return true
    return !isReview.value && (session.value.state !== 'active' || checkIn.value !== null)
  })

  /** Open the lesson here; with `force` take it over from another tab or device. */
  async function open(force = false): Promise<void> {
    if (!lease.acquire(force)) {
      obstacle.value = 'other_tab'
      return
    }
    loading.value = true
    problem.value = null
    try {
      const drawer = await openDrawer<Unsent>()
      await deliverLeftovers(drawer, ({ sessionId, body }) =>
        post(`/me/sessions/${sessionId}/heartbeats`, body, { timeoutMs: HEARTBEAT_TIMEOUT_MS }),
      )
      const opened = await post<Session>(path, { device_id: deviceId() })
      if (isGone) return
      obstacle.value = null
      adopt(opened)
      loop?.stop()
      loop = null
      if (opened.state === 'ended') return
      loop = new HeartbeatLoop({
        sessionId: opened.id,
        token: opened.token,
        nextSeq: opened.next_seq,
        drawer,
        send: (body) =>
          post<HeartbeatAnswer>(`/me/sessions/${opened.id}/heartbeats`, body, {
            timeoutMs: HEARTBEAT_TIMEOUT_MS,
            keepalive: true,
          }),
        deviceTime: () => new Date().toISOString(),
        onAnswer,
        onRefused: (refused) => void recover(refused),
        onSync: (state) => (sync.value = state),
      })
      schedule(opened.interval_s)
    } catch (error) {
      problem.value = asProblem(error)
      lease.release()
    } finally {
      loading.value = false
    }
  }

  function adopt(fresh: Session): void {
    session.value = fresh
    checkIn.value = openOne(fresh.check_in)
    if (fresh.is_watched) isWatched.value = true
    if (fresh.state === 'replaced') leave('other_device')
  }

  function onAnswer(answer: HeartbeatAnswer, body: HeartbeatBody): void {
    if (session.value === null) return
    const back = rewindPoint(answer, body)
    if (back !== null) player()?.rewindTo(back)
    session.value = {
      ...session.value,
      state: answer.state,
      credited_s: answer.credited_s,
      furthest_s: answer.furthest_s,
      needed_s: answer.needed_s,
      excluded: answer.excluded,
    }
    if (answer.watched) isWatched.value = true
    if (answer.state === 'replaced') return leave('other_device')
    if (answer.state === 'ended') return answer.watched ? rest() : void open()
    if (answer.state === 'active') checkIn.value = null
    else if (answer.check_in && answer.check_in.id !== checkIn.value?.id) void show(answer.check_in.id)
    schedule(answer.interval_s)
  }

  /** The server refused a report: see how things stand, and begin again where it says. */
  async function recover(refused: ProblemError): Promise<void> {
    if (refused.status === 401 || isGone || session.value === null) return
    const fresh = await get<Session>(`/me/sessions/${session.value.id}`).catch(() => null)
    if (fresh?.state === 'replaced' || refused.code.includes('replaced')) leave('other_device')
    else if (refused.status === 409 || refused.status === 410 || refused.status === 404) await open()
    else problem.value = refused
  }

  /** Look again how the session stands, after a check-in or when the video's address has run out. */
  async function refresh(): Promise<void> {
    if (session.value === null) return
    const { id } = session.value
    adopt(await get<Session>(`/me/sessions/${id}`))
  }

  /** Show a check-in with all its page needs; a report's answer only names it. */
  async function show(id: string): Promise<void> {
    const found = await get<CheckIn>(`/me/check-ins/${id}`).catch(() => null)
    if (found) checkIn.value = openOne(found)
  }

  function leave(reason: Obstacle): void {
    obstacle.value = reason
    rest()
  }
  function rest(): void {
    loop?.stop()
    loop = null
    clearInterval(timer)
    intervalS = 0
  }

  function schedule(seconds: number): void {
    if (seconds === intervalS || seconds <= 0) return
    intervalS = seconds
    clearInterval(timer)
    timer = setInterval(() => report(), seconds * 1000)
  }

  /** Tell the server what was played since the last report. */
  function report(isHidden = document.visibilityState === 'hidden'): void {
    const state = player()
    if (loop === null || obstacle.value !== null) return
    const { intervals, rate } = recorder.take()
    loop.report({
      intervals,
      rate: Math.max(rate, state?.rate() ?? 1),
      positionMs: state?.positionMs() ?? 0,
      hidden: isHidden,
      muted: state?.isMuted() ?? false,
      playing: isPlaying.value,
    })
  }

  const onOnline = () => loop?.retryNow()
  const onPageHide = () => {
    if (!recorder.isEmpty) report(false)
  }
  window.addEventListener('online', onOnline)
  window.addEventListener('pagehide', onPageHide)
  onUnmounted(() => {
    isGone = true
    window.removeEventListener('online', onOnline)
    window.removeEventListener('pagehide', onPageHide)
    clearInterval(timer)
    if (!recorder.isEmpty) report(false)
    loop?.stop()
    lease.release()
  })

  return { session, problem, loading, obstacle, sync, checkIn, isHeld, isReview, isWatched, isPlaying, recorder, open, refresh, report }
}

/** A check-in that still wants something from the trainee. */
function openOne(checkIn: CheckIn | null): CheckIn | null {
  return checkIn && ['due', 'failed', 'missed'].includes(checkIn.status) ? checkIn : null
}

