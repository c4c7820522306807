import { type Ref, shallowRef } from 'vue'
import { asProblem, type ProblemError } from './api/problem'

export interface Action<A extends unknown[]> {
  busy: Ref<boolean>
  problem: Ref<ProblemError | null>
  run: (...args: A) => Promise<boolean>
}

/** Run something once at a time and keep its failure for display. */
export function useAction<A extends unknown[]>(action: (...args: A) => Promise<unknown>): Action<A> {
  const busy = shallowRef(false)
  const problem = shallowRef<ProblemError | null>(null)
  async function run(...args: A): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    problem.value = null
    try {
      await action(...args)
      return true
    } catch (error) {
      problem.value = asProblem(error)
      return false
    } finally {
      busy.value = false
    }
  }
  return { busy, problem, run }
}
