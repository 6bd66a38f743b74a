import type { MemberId, Update } from './types.ts'
import { updateBytes } from './update-size.ts'

/** Entries that do not fit are passed over so often, then the packet is full enough. */
const misfitsAllowed = 4

interface News {
  readonly update: Update
  readonly bytes: number
  sent: number
}

/** How often each piece of news is sent (SWIM §4.1: λ log n rounds reach everybody, w.h.p.). */
export function retransmitLimit(multiplier: number, clusterSize: number): number {
  return multiplier * Math.ceil(Math.log10(clusterSize + 1))
}

export function subjectOf(update: Update): MemberId {
  return update.kind === 'alive' ? update.member.id : update.id
}

/**
 * News that waits to be passed on by piggyback and gossip (SWIM §4.1). One piece per member: newer
 * replaces older. What was sent least goes first, and is forgotten once it was sent often enough.
 * Levels by times sent make every step O(1).
 */
export class UpdateQueue {
  readonly #limit: number
  readonly #bySubject = new Map<MemberId, News>()
  /** At index i: what was sent i times, oldest first. */
  readonly #levels: Map<MemberId, News>[] = []
  #fresh = false

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#bySubject.size
  }

  /** Something came in since `settle`. */
  get fresh(): boolean {
    return this.#fresh
  }

  settle(): void {
    this.#fresh = false
  }

  has(subject: MemberId): boolean {
    return this.#bySubject.has(subject)
  }

  put(update: Update): void {
    const subject = subjectOf(update)
    this.#drop(subject)
    const news: News = { update, bytes: updateBytes(update), sent: 0 }
    this.#bySubject.set(subject, news)
    this.#level(0).set(subject, news)
    this.#fresh = true
    if (this.#bySubject.size > this.#limit) this.#dropMostSent()
  }

  /**
   * News worth at most `budget` bytes for `reader`, counted as sent if that is `heard`: what goes to
   * somebody who may be dead must not use up the chances of the living. That `reader` lives is no news to
   * it, so that counts as sent without being.
   */
  fill(budget: number, transmissions: number, reader: MemberId, heard: boolean): Update[] {
    const out: Update[] = []
    const taken: News[] = []
    let left = budget
    let misfits = 0
    for (const news of this.#leastSentFirst(transmissions)) {
      const { update, bytes } = news
      const known = update.kind === 'alive' && update.member.id === reader
      if (!known && bytes > left) {
        if (++misfits > misfitsAllowed) break
        continue
      }
      taken.push(news)
      if (known) continue
      left -= bytes
      out.push(update)
    }
    if (heard) for (const news of taken) this.#sent(news, transmissions)
    return out
  }

  *#leastSentFirst(transmissions: number): Iterable<News> {
    // A cluster that shrank needs fewer transmissions: what is beyond has had enough.
    while (this.#levels.length > transmissions) {
      for (const subject of this.#levels.pop()!.keys()) this.#bySubject.delete(subject)
    }
    for (const level of this.#levels) yield* level.values()
  }

  #sent(news: News, transmissions: number): void {
    const subject = subjectOf(news.update)
    this.#levels[news.sent]!.delete(subject)
    news.sent++
    if (news.sent >= transmissions) this.#bySubject.delete(subject)
    else this.#level(news.sent).set(subject, news)
  }

  #drop(subject: MemberId): void {
    const old = this.#bySubject.get(subject)
    if (old === undefined) return
    this.#levels[old.sent]!.delete(subject)
    this.#bySubject.delete(subject)
  }

  #dropMostSent(): void {
    for (let i = this.#levels.length - 1; i >= 0; i--) {
      for (const subject of this.#levels[i]!.keys()) {
        this.#drop(subject)
        return
      }
    }
  }

  #level(sent: number): Map<MemberId, News> {
    while (this.#levels.length <= sent) this.#levels.push(new Map())
    return this.#levels[sent]!
  }
}
