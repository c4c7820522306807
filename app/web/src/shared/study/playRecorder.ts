/** What was really played: media time that passed at playing speed, told from the player's own position. */
import { type Stretch, union } from './intervals'

/** Positions further apart than real time explains are a jump, not playing. */
const TOLERANCE_MS = 600

export class PlayRecorder {
  private stretches: Stretch[] = []
  private lastPosition: number | null = null
  private lastAt = 0
  private fastest = 1

  /**
   * Take in a position of the running player.
   *
   * @param positionMs Where the player stands in the media.
   * @param at Monotonic milliseconds.
   * @param rate The player's rate.
   */
  advance(positionMs: number, at: number, rate: number): void {
    const from = this.lastPosition
    if (from !== null) {
      const moved = positionMs - from
      const possible = (at - this.lastAt) * Math.max(rate, 1) + TOLERANCE_MS
      if (moved > 0 && moved <= possible) {
        this.stretches = union([...this.stretches, [Math.round(from), Math.round(positionMs)]])
        this.fastest = Math.max(this.fastest, rate)
      }
    }
    this.lastPosition = positionMs
    this.lastAt = at
  }

  /** The player stopped, jumped or waits for data: what comes next is not joined to what was. */
  interrupt(): void {
    this.lastPosition = null
  }

  get isEmpty(): boolean {
    return this.stretches.length === 0
  }

  /** Hand over what was played since the last call, and begin anew. */
  take(): { intervals: Stretch[]; rate: number } {
    const taken = { intervals: this.stretches, rate: this.fastest }
    this.stretches = []
    this.fastest = 1
    return taken
  }
}
