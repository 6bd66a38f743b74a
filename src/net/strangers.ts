import { type Address, formatAddress } from '../base/address.ts'
import type { Instant } from '../base/time.ts'

/**
 * Whose sealed datagrams are worth a try. To find out that a packet is forged costs as much as to open a true one, so
 * a flood of forged ones could take the whole processor. Addresses that we write to, and those that sent something true, are
 * tried always; all others together fail so often a second, and are not heard for the rest of it.
 */
const maxKnown = 16_384
/** Failures of strangers a second: a few ms of work. */
const maxFailures = 500

export class Strangers {
  readonly #now: () => Instant
  /** Oldest first. */
  readonly #known = new Set<string>()
  #second: Instant = Number.NEGATIVE_INFINITY
  #failures = 0

  constructor(now: () => Instant) {
    this.#now = now
  }

  know(at: Address): void {
    const key = formatAddress(at)
    if (this.#known.has(key)) return
    this.#known.add(key)
    if (this.#known.size > maxKnown) this.#known.delete(this.#known.values().next().value!)
  }

  mayTry(from: Address): boolean {
    if (this.#failures < maxFailures || this.#known.has(formatAddress(from))) return true
    return this.#now() - this.#second >= 1000
  }

  failed(from: Address): void {
    if (this.#known.has(formatAddress(from))) return
    const now = this.#now()
    if (now - this.#second >= 1000) {
      this.#second = now
      this.#failures = 0
    }
    this.#failures++
  }
}
