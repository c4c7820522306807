/** Keeps the screen on while a lesson plays; a device that cannot simply goes dark as usual. */
interface Sentinel {
  release(): Promise<void>
}

export function createWakeLock() {
  let held: Sentinel | null = null
  return {
    async hold(): Promise<void> {
      const lock = (navigator as { wakeLock?: { request(kind: 'screen'): Promise<Sentinel> } }).wakeLock
      if (held === null && lock) held = await lock.request('screen').catch(() => null)
    },
    async release(): Promise<void> {
      const sentinel = held
      held = null
      await sentinel?.release().catch(() => undefined)
    },
  }
}
