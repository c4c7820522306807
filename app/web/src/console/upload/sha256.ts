/** SHA-256 that can be fed bit by bit (the browser's own cannot) and also works without https. */

const K = constants()

function constants(): Uint32Array {
  const k = new Uint32Array(64)
  let count = 0
  for (let candidate = 2; count < 64; candidate += 1) {
    let isPrime = true
    for (let d = 2; d * d <= candidate; d += 1) if (candidate % d === 0) isPrime = false
    if (!isPrime) continue
    const root = Math.cbrt(candidate)
    k[count] = Math.floor((root - Math.floor(root)) * 2 ** 32)
    count += 1
  }
  return k
}

export class Sha256 {
  private readonly state = new Uint32Array([
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
  ])
  private readonly words = new Uint32Array(64)
  private readonly rest = new Uint8Array(64)
  private restLength = 0
  private total = 0

  /** Take in more bytes. */
  update(bytes: Uint8Array): this {
    this.total += bytes.length
    let from = 0
    if (this.restLength > 0) {
      from = Math.min(64 - this.restLength, bytes.length)
      this.rest.set(bytes.subarray(0, from), this.restLength)
      this.restLength += from
      if (this.restLength < 64) return this
      this.block(this.rest, 0)
      this.restLength = 0
    }
    for (; from + 64 <= bytes.length; from += 64) this.block(bytes, from)
    this.rest.set(bytes.subarray(from))
    this.restLength = bytes.length - from
    return this
  }

  /** The hash in lower-case hexadecimal; nothing may be fed afterwards. */
  hex(): string {
    const bits = this.total * 8
    const tail = new Uint8Array(this.restLength < 56 ? 64 : 128)
    tail.set(this.rest.subarray(0, this.restLength))
    tail[this.restLength] = 0x80
    const view = new DataView(tail.buffer)
    view.setUint32(tail.length - 8, Math.floor(bits / 2 ** 32))
    view.setUint32(tail.length - 4, bits >>> 0)
    for (let from = 0; from < tail.length; from += 64) this.block(tail, from)
    return Array.from(this.state, (word) => word.toString(16).padStart(8, '0')).join('')
  }

  private block(bytes: Uint8Array, from: number): void {
    const w = this.words
    const h = this.state
    for (let i = 0; i < 16; i += 1) {
      const at = from + i * 4
      w[i] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
    }
    for (let i = 16; i < 64; i += 1) {
      const x = w[i - 15]!
      const y = w[i - 2]!
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
      w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0
    }
    let a = h[0]! | 0
    let b = h[1]! | 0
    let c = h[2]! | 0
    let d = h[3]! | 0
    let e = h[4]! | 0
    let f = h[5]! | 0
    let g = h[6]! | 0
    let k = h[7]! | 0
    for (let i = 0; i < 64; i += 1) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
      const t1 = (k + s1 + ((e & f) ^ (~e & g)) + K[i]! + w[i]!) | 0
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
      k = g
      g = f
      f = e
      e = (d + t1) | 0
      d = c
      c = b
      b = a
      a = (t1 + t2) | 0
    }
    h[0]! += a
    h[1]! += b
    h[2]! += c
    h[3]! += d
    h[4]! += e
    h[5]! += f
    h[6]! += g
    h[7]! += k
  }
}

/** Hash a piece with the browser's own routine where it has one. */
export async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  if (globalThis.crypto?.subtle === undefined) return new Sha256().update(bytes).hex()
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
