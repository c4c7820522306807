/** One tab at a time: a tab that holds the lease renews it; another sees it and waits, or takes it over. */

/** A lease not renewed for this long is free: its tab was closed or crashed. */
export const LEASE_MS = 5_000
const RENEW_MS = 1_500

export interface Lease {
  tab: string
  at: number
}

/** Whether `tab` may hold the lease that is written down as `text`. */
export function isFree(text: string | null, tab: string, now: number): boolean {
  if (text === null) return true
  try {
    const lease = JSON.parse(text) as Lease
    return lease.tab === tab || now - lease.at > LEASE_MS || lease.at > now + LEASE_MS
  } catch {
    return true
  }
}

export interface TabLease {
  /** Try to hold it; with `force` take it away from the other tab. */
  acquire(force?: boolean): boolean
  release(): void
}

/**
 * Share a subject between the tabs of this browser.
 *
 * @param name The subject, such as `exam:ID`.
 * @param whenLost Called when another tab took over.
 */
export function tabLease(name: string, whenLost: () => void): TabLease {
  const key = `zx-tab:${name}`
  const tab = Math.random().toString(36).slice(2)
  let timer: ReturnType<typeof setInterval> | undefined

  const write = () => localStorage.setItem(key, JSON.stringify({ tab, at: Date.now() } satisfies Lease))
  const stop = () => {
    clearInterval(timer)
    timer = undefined
    window.removeEventListener('storage', check)
    window.removeEventListener('pagehide', giveBack)
  }
  /** A page that goes away frees its lease at once, so that a reload finds it free. */
  const giveBack = () => {
    if (timer === undefined) return
    stop()
    localStorage.removeItem(key)
    window.addEventListener('pageshow', comeBack, { once: true })
  }
  /** A page taken out of the browser's cache goes on only if nobody else has begun. */
  const comeBack = () => {
    if (!lease.acquire()) whenLost()
  }
  const check = () => {
    if (timer !== undefined && !isFree(localStorage.getItem(key), tab, Date.now())) {
      stop()
      whenLost()
    }
  }
  const lease: TabLease = {
    acquire(force = false) {
      if (!force && !isFree(localStorage.getItem(key), tab, Date.now())) return false
      stop()
      write()
      timer = setInterval(() => {
        check()
        if (timer !== undefined) write()
      }, RENEW_MS)
      window.addEventListener('storage', check)
      window.addEventListener('pagehide', giveBack)
      return true
    },
    release() {
      window.removeEventListener('pageshow', comeBack)
      if (timer === undefined) return
      stop()
      localStorage.removeItem(key)
    },
  }
  return lease
}
