/** Which page a request for a page leads to; the server decides about every content anyway. */
import type { Me } from './api/types'
import { homeOf, mayOpen } from './menu'

export interface Wanted {
  path: string
  fullPath: string
  meta: { open?: boolean; all?: boolean }
}

export type Decision = true | string | { path: string; query: Record<string, string> }

export function decide(me: Me | null, to: Wanted): Decision {
  const isStaff = me !== null && me.role !== 'trainee'
  if (to.meta.open) return isStaff ? homeOf(me.role) : true
  if (me === null) return { path: '/login', query: to.path === '/' ? {} : { next: to.fullPath } }
  if (!isStaff) return { path: '/login', query: { not: 'staff' } }
  if (me.must_change_password && to.path !== '/password') return '/password'
  return to.meta.all || mayOpen(me.role, to.path) ? true : homeOf(me.role)
}
