import { describe, expect, it } from 'vitest'
import type { TraceEntry } from '../api/types'
import { chinaDay, deliveryCounts, groupByDay, kindOf, ofGroups } from './timeline'

const entry = (seq: number, occurred_at: string, event_type = 'checkin.completed'): TraceEntry =>
  ({ seq, occurred_at, event_type, delivery: null }) as TraceEntry

describe('groupByDay', () => {
  it('uses the days of China, not those of UTC', () => {
    expect(chinaDay('2026-03-02T15:59:59Z')).toBe('2026-03-02')
    expect(chinaDay('2026-03-02T16:00:00Z')).toBe('2026-03-03')
    expect(chinaDay('2026-03-02T00:30:00+08:00')).toBe('2026-03-02')
  })

  it('puts days and moments in order, equal moments by number', () => {
    const days = groupByDay([
      entry(4, '2026-03-03T01:00:00Z'),
      entry(2, '2026-03-02T02:00:00Z'),
      entry(3, '2026-03-02T02:00:00Z'),
      entry(1, '2026-03-02T01:00:00Z'),
    ])
    expect(days.map((day) => day.entries.map((one) => one.seq))).toEqual([[1, 2, 3], [4]])
    expect(days[0]?.title).toBe('2026年3月2日 星期一')
  })

  it('loses nothing', () => {
    const entries = Array.from({ length: 50 }, (_, i) => entry(i, new Date(1.77e12 + i * 3.1e6).toISOString()))
    expect(groupByDay(entries).flatMap((day) => day.entries)).toHaveLength(50)
  })
})

describe('kinds and deliveries', () => {
  it('show an unknown event by its own name', () => expect(kindOf('risk.finding').title).toBe('risk.finding'))
  it('filter by group, none chosen meaning all', () => {
    const entries = [entry(1, '2026-03-02T01:00:00Z'), entry(2, '2026-03-02T01:00:00Z', 'exam.graded')]
    expect(ofGroups(entries, [])).toHaveLength(2)
    expect(ofGroups(entries, ['exam']).map((one) => one.seq)).toEqual([2])
  })
  it('count deliveries', () => {
    const one = (status: 'pending' | 'delivered' | 'dead') =>
      ({ ...entry(1, '2026-03-02T01:00:00Z'), delivery: { status, delivered_at: null, receipt_id: null } }) as TraceEntry
    expect(deliveryCounts([one('delivered'), one('dead'), one('delivered')])).toEqual({ delivered: 2, pending: 0, dead: 1 })
  })
})
