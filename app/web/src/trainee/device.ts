/** A random name of this browser, so that the server can tell a lesson on two devices. */
const KEY = 'zx-device'

export function deviceId(): string {
  try {
    const known = localStorage.getItem(KEY)
    if (known) return known
    const made = randomId()
    localStorage.setItem(KEY, made)
    return made
  } catch {
    return randomId()
  }
}

function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
