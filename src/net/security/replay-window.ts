/** How far behind the newest a packet may come and still be new: reordering is a matter of milliseconds. */
export const windowSize = 1024
/** Boots of one sender that are remembered: the present one, and those whose last packets are still on the way. */
const bootsKept = 4
/** Senders remembered; beyond, the one heard longest ago is forgotten. About 300 bytes each. */
const sendersKept = 16_384

/** The numbers of one boot that were seen: the newest, and a bit for each of the 1024 up to it (RFC 6479). */
class Window {
  #newest = -1
  readonly #seen = new Uint32Array(windowSize / 32)

  /** False: seen before, or too old to tell. */
  accept(n: number): boolean {
    if (n > this.#newest) {
      const from = Math.max(this.#newest + 1, n - windowSize + 1)
      for (let i = from; i < n; i++) this.#clear(i)
      this.#newest = n
    } else if (n <= this.#newest - windowSize || this.#has(n)) {
      return false
    }
    this.#seen[this.#word(n)]! |= 1 << (n % 32)
    return true
  }

  #word(n: number): number {
    return Math.floor((n % windowSize) / 32)
  }

  #has(n: number): boolean {
    return (this.#seen[this.#word(n)]! & (1 << (n % 32))) !== 0
  }

  #clear(n: number): void {
    this.#seen[this.#word(n)]! &= ~(1 << (n % 32))
  }
}

/** Which packets were heard already, by sender and boot. */
export class ReplayWindows {
  readonly #senders = new Map<string, Map<string, Window>>()

  /** False: a copy. */
  accept(sender: string, boot: string, n: number): boolean {
    const boots = this.#senders.get(sender) ?? new Map<string, Window>()
    this.#senders.delete(sender)
    this.#senders.set(sender, boots)
    if (this.#senders.size > sendersKept) this.#senders.delete(this.#senders.keys().next().value!)
    let window = boots.get(boot)
    if (!window) {
      window = new Window()
      boots.set(boot, window)
      if (boots.size > bootsKept) boots.delete(boots.keys().next().value!)
    }
    return window.accept(n)
  }
}
