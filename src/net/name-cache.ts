import dns from 'node:dns'

/** How long an answer, and the lack of one, is believed, ms. */
const fresh = 30_000
const freshFailure = 5_000
/** Names kept, and packets that wait for one of them: enough for every seed, and no more. */
const maxNames = 256
const maxWaiting = 16

type Use = (host: string) => void

interface Entry {
  host: string | undefined
  waiting: Use[] | undefined
  staleAt: number
}

/** Names of datagrams' targets. One lookup at a time for each name; those that fail swallow their packets. */
export class NameCache {
  readonly #family: 4 | 6
  readonly #entries = new Map<string, Entry>()

  constructor(family: 4 | 6) {
    this.#family = family
  }

  resolve(name: string, use: Use): void {
    const known = this.#entries.get(name)
    if (known?.waiting) {
      if (known.waiting.length < maxWaiting) known.waiting.push(use)
    } else if (known && performance.now() < known.staleAt) {
      if (known.host !== undefined) use(known.host)
    } else {
      this.#look(name, use)
    }
  }

  #look(name: string, use: Use): void {
    const entry: Entry = { host: undefined, waiting: [use], staleAt: 0 }
    this.#entries.delete(name)
    this.#entries.set(name, entry)
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > maxNames && oldest !== undefined) this.#entries.delete(oldest)
    // A socket of IPv6 reaches IPv4 as well.
    dns.lookup(name, { family: this.#family === 4 ? 4 : 0 }, (error, host) => {
      const waiting = entry.waiting ?? []
      entry.waiting = undefined
      entry.host = error ? undefined : host
      entry.staleAt = performance.now() + (error ? freshFailure : fresh)
      if (!error) for (const waiter of waiting) waiter(host)
    })
  }
}
