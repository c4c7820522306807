import { describe, expect, it } from 'vitest'
import { decide } from './access'
import type { Me, Role } from './api/types'

const me = (role: Role, change: Partial<Me> = {}): Me =>
  ({ account_id: 'a', role, display_name: '', organization: null, steps: null, ...change }) as Me
const page = (path: string, meta = {}) => ({ path, fullPath: path, meta })
const login = page('/login', { open: true })

describe('decide', () => {
  it('asks strangers to sign in and remembers where they wanted to go', () => {
    expect(decide(null, page('/trace/1'))).toEqual({ path: '/login', query: { next: '/trace/1' } })
    expect(decide(null, page('/'))).toEqual({ path: '/login', query: {} })
  })
  it('does not send anybody round in circles at the sign-in page', () => {
    expect(decide(null, login)).toBe(true)
    expect(decide(me('trainee'), login)).toBe(true)
    expect(decide(me('operator'), login)).toBe('/status')
  })
  it('keeps trainees out', () => {
    expect(decide(me('trainee'), page('/courses'))).toEqual({ path: '/login', query: { not: 'staff' } })
  })
  it('opens to each role its own pages only', () => {
    expect(decide(me('institution_author'), page('/courses/1'))).toBe(true)
    expect(decide(me('institution_author'), page('/trace'))).toBe('/courses')
    expect(decide(me('bureau_auditor'), page('/classes/1'))).toBe(true)
    expect(decide(me('bureau_auditor'), page('/courses'))).toBe('/trace')
    expect(decide(me('operator'), page('/classesx'))).toBe('/status')
  })
  it('asks for a new password before anything else', () => {
    const due = me('bureau_auditor', { must_change_password: true })
    expect(decide(due, page('/trace'))).toBe('/password')
    expect(decide(due, page('/password', { all: true }))).toBe(true)
  })
})
