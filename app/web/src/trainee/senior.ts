/** Large print for those who want it; remembered on the device. */
import { ref, watchEffect } from 'vue'

const KEY = 'zx-senior'
const stored = (): boolean => {
  try {
    return localStorage.getItem(KEY) === '1'
  } catch {
    return false
  }
}

export const senior = ref(stored())

watchEffect(() => {
  document.documentElement.classList.toggle('senior', senior.value)
  try {
    localStorage.setItem(KEY, senior.value ? '1' : '0')
  } catch {
    // A browser that stores nothing still shows large print until the page closes.
  }
})
