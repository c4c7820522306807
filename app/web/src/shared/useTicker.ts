import { onScopeDispose, readonly, type Ref, ref } from 'vue'
import { serverClock } from './api/serverClock'

/** Server time in milliseconds, renewed while the component lives. */
export function useServerNow(everyMs = 250): Readonly<Ref<number>> {
  const now = ref(serverClock.now())
  const timer = setInterval(() => {
    now.value = serverClock.now()
  }, everyMs)
  onScopeDispose(() => clearInterval(timer))
  return readonly(now)
}
