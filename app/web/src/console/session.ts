/** Who is signed in to the console. */
import { computed, shallowRef } from 'vue'
import { get, post } from '@/shared/api/http'
import type { Me, Role } from './api/types'
import { lastSearch } from './trace/last'

export const me = shallowRef<Me | null>(null)
export const role = computed<Role | null>(() => me.value?.role ?? null)
export const isAuthor = computed(() => role.value === 'institution_author')
export const isReviewer = computed(() => role.value === 'institution_reviewer')
export const isAuditor = computed(() => role.value === 'bureau_auditor')

let asked: Promise<void> | null = null

/** Ask the server once who is signed in; a failure leaves nobody signed in. */
export function knowMe(): Promise<void> {
  asked ??= get<Me>('/auth/me')
    .then((answer) => {
      me.value = answer
    })
    .catch(() => {
      me.value = null
    })
  return asked
}

export interface Credentials {
  login_name: string
  password: string
  totp: string
}

export async function signIn(credentials: Credentials): Promise<void> {
  me.value = await post<Me>('/auth/sign-in', credentials)
  asked = Promise.resolve()
}

export async function signOut(): Promise<void> {
  await post('/auth/sign-out').catch(() => undefined)
  forget()
}

/** The session has ended. */
export function forget(): void {
  me.value = null
  lastSearch.value = null
  asked = Promise.resolve()
}
