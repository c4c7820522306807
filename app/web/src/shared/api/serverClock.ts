/**
 * The server's time, told from the moments stamped on its answers; the device's own clock is never trusted.
 *
 * It runs on the monotonic clock, so setting the device's time changes nothing. See `observe` for which samples count.
 */
export interface Sample {
  /** Monotonic milliseconds when the request left. */
  sentAt: number
  /** Monotonic milliseconds when the answer came. */
  receivedAt: number
  /** Server time in milliseconds since 1970. */
  serverAt: number
}

const SAMPLE_VALID_MS = 60_000

export class ServerClock {
  private offset: number
  private trip = Number.POSITIVE_INFINITY
  private takenAt = Number.NEGATIVE_INFINITY

  constructor(
    private readonly monotonic: () => number = () => performance.now(),
    deviceNow: () => number = () => Date.now(),
  ) {
    this.offset = deviceNow() - monotonic()
  }

  /**
   * Take in one answer. The sample with the shortest trip wins; an old one gives way to any,
   * and so does one that contradicts the new one (the device slept and its monotonic clock stood still).
   */
  observe(sample: Sample): void {
    const trip = Math.max(0, sample.receivedAt - sample.sentAt)
    const offset = sample.serverAt - (sample.sentAt + trip / 2)
    const isOld = sample.receivedAt - this.takenAt > SAMPLE_VALID_MS
    const contradicts = Math.abs(offset - this.offset) > trip / 2 + this.trip / 2 + 50
    if (trip <= this.trip || isOld || contradicts) {
      this.offset = offset
      this.trip = trip
      this.takenAt = sample.receivedAt
    }
  }

  /** Server time now, in milliseconds since 1970. */
  now(): number {
    return this.monotonic() + this.offset
  }

  /** Milliseconds until an instant of the server; never below zero. */
  until(instant: string | null): number {
    return instant === null ? 0 : Math.max(0, Date.parse(instant) - this.now())
  }
}

export const serverClock = new ServerClock()
