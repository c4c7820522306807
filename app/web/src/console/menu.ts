/** What each role finds in the menu. */
import type { Role } from './api/types'

export interface MenuItem {
  to: string
  title: string
  icon: 'course' | 'class' | 'trace' | 'push' | 'status'
}

const COURSES: MenuItem = { to: '/courses', title: '课程', icon: 'course' }
const CLASSES: MenuItem = { to: '/classes', title: '班级', icon: 'class' }
const TRACE: MenuItem = { to: '/trace', title: '学员追溯', icon: 'trace' }
const PUSH: MenuItem = { to: '/city', title: '推送状态', icon: 'push' }
const STATUS: MenuItem = { to: '/status', title: '系统状态', icon: 'status' }

const MENUS: Record<Role, MenuItem[]> = {
  trainee: [],
  institution_author: [COURSES, CLASSES],
  institution_reviewer: [COURSES, CLASSES],
  bureau_auditor: [TRACE, PUSH, CLASSES],
  operator: [STATUS],
}

export const ROLE_TITLES: Record<Role, string> = {
  trainee: '学员',
  institution_author: '课程制作',
  institution_reviewer: '课程审核',
  bureau_auditor: '人社监管',
  operator: '平台运维',
}

/** The menu of a role; nobody has none. */
export const menuOf = (role: Role | null): MenuItem[] => (role === null ? [] : (MENUS[role] ?? []))

/** Where a role begins. */
export const homeOf = (role: Role | null): string => menuOf(role)[0]?.to ?? '/login'

/** Whether a role may open a page; the server decides about its content. */
export const mayOpen = (role: Role | null, path: string): boolean =>
  menuOf(role).some((item) => path === item.to || path.startsWith(`${item.to}/`))
