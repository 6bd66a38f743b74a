import { type Fields, text } from '../../base/shape.ts'
import type { Clock, Instant, Millis } from '../../base/time.ts'
import type { Links } from '../../net/link-types.ts'
import type { Self } from '../self.ts'
import type { StorageFault } from './storage-fault.ts'

/**
 * Disks that fail, told to whoever leads: an operator asks any node for the status, and hardly ever the one whose disk it
 * is. The word of a node that is not heard any more counts for a moment.
 */
export interface AilmentsParts {
  readonly self: Pick<Self, 'id' | 'name'>
  readonly clock: Clock
  readonly links: Pick<Links, 'notice'>
  readonly fault: StorageFault
  leader(): string | null
}

/** It is said again so often. */
export const tellPace: Millis = 2_000
/** A few words may be lost. */
const remembered: Millis = 7_000
/** Of one node; an error of SQLite names a path. */
const maxText = 600
/** More are no help to anybody who reads them. */
const maxTold = 32

export class Ailments {
  readonly #parts: AilmentsParts
  readonly #heard = new Map<string, { readonly text: string; readonly at: Instant }>()

  constructor(parts: AilmentsParts) {
    this.#parts = parts
  }

  /** To be said now and again, as long as it is so. */
  tell(): void {
    const { self, links, fault } = this.#parts
    const leader = this.#parts.leader()
    const [what] = fault.notices(self.name)
    if (what !== undefined && leader !== null && leader !== self.id)
      links.notice(leader, 'ailing', { text: what.slice(0, maxText) })
  }

  /** Throws MalformedError. */
  heard(from: string, body: Fields): void {
    const said = text(body, 'text', maxText)
    this.#heard.delete(from)
    if (this.#heard.size >= maxTold) this.#heard.delete(this.#heard.keys().next().value!)
    this.#heard.set(from, { text: said, at: this.#parts.clock.now() })
  }

  notices(): readonly string[] {
    const now = this.#parts.clock.now()
    const fresh = [...this.#heard.values()].filter(({ at }) => now - at < remembered)
    return fresh.map(({ text }) => text)
  }
}
