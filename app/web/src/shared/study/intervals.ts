/** Sets of media time as sorted, disjoint, half-open stretches in whole milliseconds. */
export type Stretch = [from: number, to: number]

/** Join stretches of any order and overlap; touching ones become one, empty ones vanish. */
export function union(stretches: readonly Stretch[]): Stretch[] {
  const joined: Stretch[] = []
  for (const [from, to] of [...stretches].sort((a, b) => a[0] - b[0])) {
    if (from >= to) continue
    const last = joined[joined.length - 1]
    if (last && from <= last[1]) last[1] = Math.max(last[1], to)
    else joined.push([from, to])
  }
  return joined
}

/** Add up the lengths, in milliseconds. */
export const measure = (stretches: readonly Stretch[]): number =>
  stretches.reduce((sum, [from, to]) => sum + to - from, 0)
