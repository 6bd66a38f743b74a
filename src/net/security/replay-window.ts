/** How far behind the newest a packet may come and still be new: reordering is a matter of milliseconds. */
export const windowSize = 1024
/** Boots of one sender that are remembered: the present one, and those whose last packets are still on the way. */
const bootsKept = 4
/** Earlier boots that are remembered to be over, so that nobody brings one back: restarts of a sender while this process lives. */
const bootsOver = 256
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

/** Of one sender: a window for each boot that may still be on the way, oldest first; of those before nothing is new. */
class Sender {
  readonly #boots = new Map<string, Window>()
  readonly #over = new Set<string>()

  accept(boot: string, n: number): boolean {
    if (this.#over.has(boot)) return false
    let window = this.#boots.get(boot)
    if (!window) {
      window = new Window()
      this.#boots.set(boot, window)
      if (this.#boots.size > bootsKept) this.#close(this.#boots.keys().next().value!)
    }
    return window.accept(n)
  }

  #close(boot: string): void {
    this.#boots.delete(boot)
    this.#over.add(boot)
    if (this.#over.size > bootsOver) this.#over.delete(this.#over.values().next().value!)
  }
}

/** Which packets were heard already, by sender and boot. */
export class ReplayWindows {
  readonly #senders = new Map<string, Sender>()

  /** False: a copy. */
  accept(sender: string, boot: string, n: number): boolean {
    const known = this.#senders.get(sender) ?? new Sender()
    this.#senders.delete(sender)
    this.#senders.set(sender, known)
    if (this.#senders.size > sendersKept) this.#senders.delete(this.#senders.keys().next().value!)
    return known.accept(boot, n)
  }
}
