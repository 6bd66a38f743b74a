import { type Address, formatAddress } from '../../base/address.ts'
import type { ErrorCode } from '../../base/errors.ts'
import type { Clock, EpochMillis, Instant, Millis, Timer } from '../../base/time.ts'
import type { Trace } from '../../base/trace.ts'
import { cureOf } from '../../cluster/first-validation.ts'

/**
 * Who was refused here, and who refused this node: a bounded local record, because what never entered the
 * cluster is in no log. The same refusal again only counts.
 */
export interface Refused {
  /** `by us`: this node refused the peer. `us`: the peer refused this node. */
  readonly whom: 'by us' | 'us'
  /** Name as the peer says it; '' where it never got so far. */
  readonly name: string
  readonly id: string
  readonly address: string
  readonly code: ErrorCode
  readonly reason: string
  readonly cure: string
  readonly first: EpochMillis
  readonly last: EpochMillis
  readonly count: number
}

/** Where they are kept over restarts, as far as the disk lets them. */
export interface Refusals {
  /** Oldest first. */
  read(): readonly Refused[]
  write(entries: readonly Refused[]): void
}

export interface Peer {
  readonly name: string
  readonly id: string
  readonly address: Address
}

/** Enough to see who knocks; a stranger that takes a new name each time pushes out only other strangers. */
const maxEntries = 256
/** Reasons come from others; longer ones are cut. */
const maxReason = 300
/** Written at most this often, ms: whoever knocks decides how often there is something to write. */
const savePace: Millis = 5_000
/** A refusal is worth a notice in the status for so long after it last happened, ms; who still wants in knocks twice a minute. */
const newsFor: Millis = 2 * 60_000
/** Notices at once: the newest. */
const maxNotices = 4
/** Networks double a packet now and then; so many are worth a word. */
const copiesWorthTelling = 100
/** Refusals of a joiner that it has got over once it is in: of whoever comes as somebody else they say nothing. */
const ofJoiners: ReadonlySet<ErrorCode> = new Set([
  'TOKEN_WRONG',
  'TOKEN_EXPIRED',
  'TOKEN_SPENT',
  'TOKEN_REVOKED',
  'NAME_REFUSED',
  'NAME_TAKEN',
  'JOIN_REFUSED',
])
/** What is foreign is traced at most so often, ms. */
const tracePace: Millis = 1_000

export class Journal {
  readonly #clock: Clock
  readonly #trace: Trace
  readonly #entries = new Map<string, Refused>()
  /** Keys of entries that a later link made history: kept, and no news any more. */
  readonly #settled = new Set<string>()
  /** Kept as it comes: a flood must not be put into words a hundred thousand times a second. */
  readonly #foreign: { count: number; from: Address | undefined; why: string; at: Instant } = {
    ...{ count: 0, from: undefined, why: '', at: 0 },
  }
  readonly #copies: { count: number; from: Address | undefined } = { count: 0, from: undefined }
  #traced = Number.NEGATIVE_INFINITY
  readonly #kept: Refusals | undefined
  #saving: Timer | undefined

  /** `kept`: those of earlier lives, which are history and no news. */
  constructor(clock: Clock, trace: Trace, kept?: Refusals) {
    this.#clock = clock
    this.#trace = trace
    this.#kept = kept
    for (const entry of kept?.read().slice(-maxEntries) ?? []) {
      this.#entries.set(keyOf(entry), entry)
      this.#settled.add(keyOf(entry))
    }
  }

  /** What has not been written yet; also when the agent stops. */
  save(): void {
    if (!this.#saving) return
    this.#saving.cancel()
    this.#saving = undefined
    this.#kept?.write(this.entries())
  }

  /** Something arrived that is not hive, not ours, or not whole. */
  foreign(from: Address, why: string): void {
    this.#foreign.count += 1
    this.#foreign.from = from
    this.#foreign.why = why
    const now = this.#clock.now()
    this.#foreign.at = now
    if (now - this.#traced < tracePace) return
    this.#traced = now
    this.#trace.debug({ from: formatAddress(from), count: this.#foreign.count }, why)
  }

  /** Something arrived that was said before, word for word: a network that doubles packets, or somebody who replays them. */
  copied(from: Address): void {
    this.#copies.count += 1
    this.#copies.from = from
  }

  /** `cure`: what to do here about it; by default, what the code says to whoever was refused. */
  refused(
    whom: Refused['whom'],
    peer: Peer,
    code: ErrorCode,
    reason: string,
    cure = whom === 'us' ? cureOf(code) : '',
  ): void {
    const now = this.#clock.wall()
    const fresh = {
      whom,
      name: peer.name,
      id: peer.id,
      address: formatAddress(peer.address),
      code,
      reason: reason.slice(0, maxReason),
      cure,
    }
    const key = keyOf(fresh)
    this.#supersede(fresh)
    this.#settled.delete(key)
    const before = this.#entries.get(key)
    this.#entries.delete(key)
    const count = (before?.count ?? 0) + 1
    this.#entries.set(key, { ...fresh, first: before?.first ?? now, last: now, count })
    if (this.#entries.size > maxEntries) this.#drop(this.#entries.keys().next().value!)
    this.#saving ??= this.#clock.after(savePace, () => this.save())
    const told = { peer: fresh.name, address: fresh.address, code, count }
    const what = whom === 'us' ? 'refused by a peer' : 'refused a peer'
    // Those who knock for days are told of ever more seldom.
    if (Number.isInteger(Math.log2(count))) this.#trace.warn(told, `${what}: ${fresh.reason}`)
    else this.#trace.debug(told, `${what}: ${fresh.reason}`)
  }

  /** There is a link to that node: what was between us is over, and what was said there by somebody who gave no name. */
  met(id: string, address?: Address): void {
    const at = address && formatAddress(address)
    for (const [key, entry] of this.#entries) {
      const nameless = entry.id === '' && entry.address === at
      if (entry.id === id || nameless) this.#settled.add(key)
    }
  }

  /** Who is refused for another reason now has got over the one before. */
  #supersede({ whom, id }: Pick<Refused, 'whom' | 'id'>): void {
    if (id === '') return
    for (const [key, entry] of this.#entries)
      if (entry.id === id && entry.whom === whom) this.#settled.add(key)
  }

  #drop(key: string): void {
    this.#entries.delete(key)
    this.#settled.delete(key)
  }

  /** Oldest first. */
  entries(): readonly Refused[] {
    return [...this.#entries.values()]
  }

  get foreignCount(): { readonly count: number; readonly last: string } {
    const { count, from, why } = this.#foreign
    return { count, last: from ? `${formatAddress(from)}: ${why}` : '' }
  }

  /**
   * What an operator should read, in this node's name; `alone`: this node belongs to no cluster and says so itself;
   * `isIn`: has been let in since, or waits to be.
   */
  notices(
    self: string,
    alone: boolean,
    isIn: (id: string) => boolean = () => false,
  ): readonly string[] {
    const { count, last } = this.foreignCount
    const now = this.#clock.wall()
    const isOver = (e: Refused) => e.whom === 'by us' && ofJoiners.has(e.code) && isIn(e.id)
    const isNews = (e: Refused) =>
      !isOver(e) &&
      e.code !== 'BUSY' &&
      Math.abs(now - e.last) < newsFor &&
      !this.#settled.has(keyOf(e))
    const mirrored = (e: Refused) => this.#entries.has(keyOf({ ...e, whom: 'by us' }))
    const news = this.entries()
      .filter(isNews)
      .filter(e => e.whom === 'by us' || !(alone || mirrored(e)))
      .slice(-maxNotices)
      .map(e => `${self}: ${shown(e)}`)
    if (count > 0 && this.#clock.now() - this.#foreign.at < newsFor)
      news.push(`${self}: ${count} foreign packet${count === 1 ? '' : 's'}, last from ${last}`)
    const { count: copies, from } = this.#copies
    if (from && copies >= copiesWorthTelling)
      news.push(`${self}: ${copies} packets heard before, last from ${formatAddress(from)}`)
    return news
  }
}

function shown(e: Refused): string {
  const who = `${e.name || 'somebody'} at ${e.address}${times(e.count)}: ${e.code}: ${e.reason}`
  const { cure } = e
  return `${e.whom === 'us' ? 'refused by' : 'refused'} ${who}${cure && `; ${cure}`}`
}

function times(count: number): string {
  return count > 1 ? ` ${count} times` : ''
}

function keyOf({
  whom,
  id,
  name,
  address,
  code,
}: Omit<Refused, 'first' | 'last' | 'count' | 'reason'>): string {
  return [whom, code, id || name || address].join(' ')
}
