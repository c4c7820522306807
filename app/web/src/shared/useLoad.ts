import { type Ref, shallowRef } from 'vue'
import { asProblem, type ProblemError } from './api/problem'

export interface Loaded<T> {
  data: Ref<T | null>
  problem: Ref<ProblemError | null>
  loading: Ref<boolean>
  /** Load, or load again; what was there stays visible meanwhile. */
  load: () => Promise<void>
}

/** Load something for a page and keep the failure for display. */
export function useLoad<T>(read: () => Promise<T>): Loaded<T> {
  const data = shallowRef<T | null>(null)
  const problem = shallowRef<ProblemError | null>(null)
  const loading = shallowRef(false)
  async function load(): Promise<void> {
    loading.value = true
    problem.value = null
    try {
      data.value = await read()
    } catch (error) {
      problem.value = asProblem(error)
    } finally {
      loading.value = false
    }
  }
  return { data, problem, loading, load }
}
