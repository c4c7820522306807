import { ref } from 'vue'
import type { DemoAccounts } from '@/api/types'
import { get } from '@/shared/api/http'

/** The made-up trainee of a demonstration; null everywhere else. */
export function useDemoTrainee() {
  const trainee = ref<DemoAccounts['trainee']>(null)
  async function ask(): Promise<void> {
    const accounts = await get<DemoAccounts>('/demo/accounts', { retries: 0 }).catch(() => null)
    trainee.value = accounts?.trainee ?? null
  }
  return { trainee, ask }
}
