import type { MemberId, Update } from './types.ts'
import { updateBytes } from './update-size.ts'

/** Entries that do not fit are passed over so often, then the packet is full enough. */
const misfitsAllowed = 4

interface News<About> {
  readonly update: Update
  readonly subject: MemberId
  readonly about: About | undefined
  readonly bytes: number
  sent: number
}

export interface Reader<About> {
  readonly id: MemberId
  /** Whether it probably gets the packet. */
  readonly hears: boolean
  /** What the packet holds already. */
  readonly told: readonly Update[]
  /** Whether it needs news about that member; absent: about everybody. */
  readonly concerned?: (subject: MemberId, about: About | undefined) => boolean
}

/** How often each piece of news is sent (SWIM §4.1: λ log n rounds reach everybody, w.h.p.). */
export function retransmitLimit(multiplier: number, clusterSize: number): number {
  return multiplier * Math.ceil(Math.log10(clusterSize + 1))
}

export function subjectOf(update: Update): MemberId {
  return update.kind === 'alive' ? update.member.id : update.id
}

/**
 * News that waits to be passed on by piggyback and gossip (SWIM §4.1). Newer news about a member replaces
 * older; only the accusers of one suspicion go side by side, for each of them counts. What was sent least
 * goes first, and is forgotten once it was sent often enough. Levels by times sent make every step O(1).
 */
export class UpdateQueue<About = never> {
  readonly #limit: number
  /** What is kept of a member; asked once for each piece of news, for readers are many. */
  readonly #find: (subject: MemberId) => About | undefined
  readonly #bySubject = new Map<MemberId, News<About>[]>()
  /** At index i: what was sent i times, oldest first. */
  readonly #levels: Set<News<About>>[] = []
  #size = 0
  #fresh = false

  constructor(limit: number, find: (subject: MemberId) => About | undefined = () => undefined) {
    this.#limit = limit
    this.#find = find
  }

  get size(): number {
    return this.#size
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
    for (const old of [...(this.#bySubject.get(subject) ?? [])]) {
      if (!areSideBySide(old.update, update)) this.#drop(old)
    }
    const about = this.#find(subject)
    const news = { update, subject, about, bytes: updateBytes(update), sent: 0 }
    const others = this.#bySubject.get(subject)
    if (others) others.push(news)
    else this.#bySubject.set(subject, [news])
    this.#level(0).add(news)
    this.#size++
    this.#fresh = true
    if (this.#size > this.#limit) this.#dropMostSent()
  }

  /** Nothing more is passed on about `subject`. */
  forget(subject: MemberId): void {
    for (const news of [...(this.#bySubject.get(subject) ?? [])]) this.#drop(news)
  }

  /** Nobody is left whom it concerns: it ages as if it had been sent. */
  age(transmissions: number): void {
    this.#shed(transmissions)
    // From the oldest down: what grows older must not be met again.
    for (let level = this.#levels.length - 1; level >= 0; level--)
      for (const news of this.#levels[level]!) this.#sent(news, transmissions)
  }

  /**
   * News worth at most `budget` bytes. It counts as sent if the reader will hear it: what goes to somebody
   * who may be dead must not use up the chances of the living. What the reader knows anyway
   * counts as sent without being: that it lives, and what is `told` in the packet already.
   */
  fill(budget: number, transmissions: number, reader: Reader<About>): Update[] {
    const out: Update[] = []
    const taken: News<About>[] = []
    let left = budget
    let misfits = 0
    this.#shed(transmissions)
    levels: for (const level of this.#levels) {
      for (const news of level) {
        const { update, bytes } = news
        if (reader.concerned?.(news.subject, news.about) === false) continue
        const known =
          (update.kind === 'alive' && news.subject === reader.id) || isAmong(reader.told, update)
        if (!known && bytes > left) {
          if (++misfits > misfitsAllowed) break levels
          continue
        }
        taken.push(news)
        if (known) continue
        left -= bytes
        out.push(update)
      }
    }
    if (reader.hears) for (const news of taken) this.#sent(news, transmissions)
    return out
  }

  /** A cluster that shrank needs fewer transmissions: what is beyond has had enough. */
  #shed(transmissions: number): void {
    for (let level = this.#levels.length - 1; level >= transmissions; level--) {
      for (const news of this.#levels[level]!) this.#drop(news)
      this.#levels.pop()
    }
  }

  #sent(news: News<About>, transmissions: number): void {
    if (news.sent + 1 >= transmissions) {
      this.#drop(news)
      return
    }
    this.#levels[news.sent]!.delete(news)
    news.sent++
    this.#level(news.sent).add(news)
  }

  #drop(news: News<About>): void {
    const about = this.#bySubject.get(news.subject)!
    about.splice(about.indexOf(news), 1)
    if (about.length === 0) this.#bySubject.delete(news.subject)
    this.#levels[news.sent]!.delete(news)
    this.#size--
  }

  #dropMostSent(): void {
    for (let i = this.#levels.length - 1; i >= 0; i--) {
      for (const news of this.#levels[i]!) {
        this.#drop(news)
        return
      }
    }
  }

  #level(sent: number): Set<News<About>> {
    while (this.#levels.length <= sent) this.#levels.push(new Set())
    return this.#levels[sent]!
  }
}

/** Whether `updates` says the same as `update`. */
export function isAmong(updates: readonly Update[], update: Update): boolean {
  return updates.some(
    other =>
      other.kind === update.kind &&
      subjectOf(other) === subjectOf(update) &&
      incarnationOf(other) === incarnationOf(update) &&
      (other.kind !== 'suspect' || update.kind !== 'suspect' || other.accuser === update.accuser),
  )
}

export function incarnationOf(update: Update): number {
  return update.kind === 'alive' ? update.member.incarnation : update.incarnation
}

/** Two accusers of one suspicion; they are few, for only confirmations that count are passed on. */
function areSideBySide(a: Update, b: Update): boolean {
  return (
    a.kind === 'suspect' &&
    b.kind === 'suspect' &&
    a.incarnation === b.incarnation &&
    a.accuser !== b.accuser
  )
}
