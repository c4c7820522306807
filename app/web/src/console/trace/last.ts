/** The last search, so that going back shows it again; gone with the page. */
import { shallowRef } from 'vue'
import type { TraceResult } from '../api/types'

export const lastSearch = shallowRef<TraceResult | null>(null)
