/** Who is signed in, and what this person should do next. */
import { computed, shallowRef } from 'vue'
import type { Me, Step } from '@/api/types'
import { get, post } from '@/shared/api/http'
import { ProblemError } from '@/shared/api/problem'

const me = shallowRef<Me | null>(null)
const isKnown = shallowRef(false)

const PAGES: Record<string, string> = {
  activate: '/real-name',
  consents: '/consents',
  real_name: '/real-name',
  identity_method: '/identity',
  learn: '/',
}

/** Page of the trainee's entry that a step is done on. */
export const pageOf = (step: Step): string => PAGES[step.key] ?? (step.href.startsWith('/') ? step.href : '/')

export const session = {
  me,
  isKnown,
  /** The first step that is not done yet. */
  nextStep: computed(() => me.value?.steps?.find((step) => !step.done) ?? null),

  /** Ask the server who is signed in; null when nobody is. */
  async load(): Promise<Me | null> {
    try {
      me.value = await get<Me>('/auth/me')
    } catch (error) {
      if (!(error instanceof ProblemError) || (error.status !== 401 && error.status !== 403)) throw error
      me.value = null
    }
    isKnown.value = true
    return me.value
  },
  set(value: Me): void {
    me.value = value
    isKnown.value = true
  },
  forget(): void {
    me.value = null
    isKnown.value = true
  },
  async signOut(): Promise<void> {
    await post('/auth/sign-out').catch(() => undefined)
    session.forget()
  },
}
