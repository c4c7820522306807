import { describe, expect, it } from 'vitest'
import type { Bank, Exam } from '../api/types'
import { blueprintProblem, carrying, newBlueprint, ratioOf, totalScore } from './exam'

const counts = { single: 10, multiple: 5, true_false: 5 }
const bank = (approved: number, by_kind = { single: 50, multiple: 25, true_false: 25 }) =>
  ({ approved, by_kind }) as unknown as Bank

describe('carrying', () => {
  it('is enough at exactly the multiple', () => {
    expect(carrying(counts, bank(100), 5)).toMatchObject({ needed: 100, missing: 0, isEnough: true })
  })
  it('counts what is missing', () => expect(carrying(counts, bank(96), 5)).toMatchObject({ missing: 4, isEnough: false }))
  it('names the kind that the paper itself lacks', () => {
    const found = carrying(counts, bank(100, { single: 95, multiple: 2, true_false: 3 }), 5)
    expect(found.short).toEqual([
      { key: 'multiple', title: '多选题', count: 3 },
      { key: 'true_false', title: '判断题', count: 2 },
    ])
    expect(found.isEnough).toBe(false)
  })
  it('has nothing without a bank', () => expect(carrying(counts, null, 5).missing).toBe(100))
})

describe('ratioOf', () => {
  it('takes the multiple from what the server said', () => expect(ratioOf({ counts, needed: 100 } as Exam)).toBe(5))
  it('knows none before that', () => expect(ratioOf(null)).toBeNull())
})

describe('blueprintProblem', () => {
  it('accepts the one proposed, which adds up to 100', () => {
    const proposed = newBlueprint('养老护理员')
    expect(blueprintProblem(proposed)).toBe('')
    expect(totalScore(proposed)).toBe(100)
  })
  it('refuses a pass mark above the total', () => {
    expect(blueprintProblem({ ...newBlueprint('x'), pass_score: 101 })).toBe('及格分要在 1 到满分 100 之间')
  })
  it('refuses an empty paper', () => {
    expect(blueprintProblem({ ...newBlueprint('x'), counts: { single: 0, multiple: 0, true_false: 0 } })).not.toBe('')
  })
  it('bears a number field that was cleared', () => {
    const cleared = { ...newBlueprint('x'), duration_minutes: null as unknown as number }
    expect(blueprintProblem(cleared)).toBe('请填写考试时长')
  })
})
