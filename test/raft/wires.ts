import type { Message } from '../../src/raft/types.ts'

/** Which messages are meant; what is absent does not matter. */
export interface Choice {
  /** Empty: anybody. */
  readonly to: readonly string[]
  readonly from?: string | undefined
  readonly type?: string | undefined
  readonly count?: number
}

/** Messages under way, in the order in which they left; they wait until somebody takes them. */
export class Wires {
  messages: Message[] = []
  /** Links that drop everything: `from>to`. */
  readonly #cut = new Set<string>()

  send(messages: readonly Message[]): void {
    for (const message of messages) this.messages.push(message)
  }

  take({ to, from, type, count = Number.POSITIVE_INFINITY }: Choice): Message[] {
    const taken: Message[] = []
    this.messages = this.messages.filter(message => {
      const chosen =
        (to.length === 0 || to.includes(message.to)) &&
        (from ?? message.from) === message.from &&
        (type ?? message.type) === message.type
      if (!chosen || taken.length >= count) return true
      taken.push(message)
      return false
    })
    return taken
  }

  isCut(message: Message): boolean {
    return this.#cut.has(`${message.from}>${message.to}`)
  }

  /** Those of `side` among `all` hear only each other, and so do the rest. */
  partition(side: readonly string[], all: readonly string[]): void {
    for (const a of all) {
      for (const b of all) if (side.includes(a) !== side.includes(b)) this.#cut.add(`${a}>${b}`)
    }
  }

  heal(): void {
    this.#cut.clear()
  }
}
