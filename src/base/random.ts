/** The only door through which chance enters: dice that a seed can replay. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** Uniform integer in [0, limit). `limit` ≥ 1. */
  below(limit: number): number
  /** Independent dice for a part, so that one more throw here changes nothing there. */
  fork(): Random
}

/** sfc32 (Chris Doty-Humphrey, PractRand): small, fast and statistically sound; not for secrets. */
export function seeded(seed: number | string): Random {
  const start = typeof seed === 'string' ? hash(seed) : seed
  let a = 0x9e3779b9
  let b = start >>> 0
  let c = Math.floor(start / 2 ** 32) >>> 0
  let counter = 1

  function bits(): number {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return sum >>> 0
  }
  for (let i = 0; i < 12; i++) bits()

  return {
    next: () => bits() / 2 ** 32,
    below: limit => Math.floor((bits() / 2 ** 32) * limit),
    fork: () => seeded(bits() + (bits() >>> 11) * 2 ** 32),
  }
}

/** `items` in a random order (Fisher–Yates); the argument is left as it was. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const out = items.slice()
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    const swap = out[i]!
    out[i] = out[j]!
    out[j] = swap
  }
  return out
}

/** FNV-1a over UTF-16 units: spreads names over seeds and rings; not for secrets. */
export function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    h ^= text.charCodeAt(i)
    h = Math.imul(h, 0x01000193)
  }
  return h >>> 0
}
