import { hash } from '../base/random.ts'
import { onwards, positionOf, ringCount } from '../base/rings.ts'
import type { MemberTable, Peer } from './members.ts'
import type { MemberId } from './types.ts'

const sides = 2
/** A rank takes so many bits of `Peer.ranks`; 0: not among the neighbours on that ring. */
const rankBits = 8
const mostRank = 2 ** (rankBits - 1) - 1

/**
 * Which members this node keeps where they are too many (design: K rings). Up to `size` it keeps
 * everybody. Beyond, the nearest present ones: the first on both sides of each ring, then the
 * second, … until there are `size`; and the absent ones that stand between them, so that who comes back is
 * met again. Whoever keeps us is, but for the outermost, whom we keep; so each member has about
 * `size` watchers, who are its own neighbours.
 */
export class Slice {
  readonly #self: MemberId
  readonly #hash: number
  readonly #table: MemberTable
  #size: number
  #partial = false
  /** Everybody known, per ring, in the order in which one meets them going onwards from this node; once that matters. */
  #rows: Peer[][] | undefined
  /** The ranks are older than what the table says… */
  #stale = true
  /** …and somebody went since, so that the kept ones may reach further. */
  #reachIsStale = true
  /** How far the kept ones reach, per ring and side. */
  readonly #reach = new Float64Array(ringCount * sides)
  #depth = 0

  constructor(self: MemberId, table: MemberTable, size: number) {
    this.#self = self
    this.#hash = hash(self)
    this.#table = table
    this.#size = size
  }

  get size(): number {
    return this.#size
  }

  /** There are, as far as this node knows, more than it keeps. */
  get partial(): boolean {
    return this.#partial
  }

  /** Fewer than there could be: what brings more is welcome. */
  get thin(): boolean {
    return this.#partial && this.#table.present.size < (this.#size * 7) / 8
  }

  resize(size: number): void {
    this.#size = size
    this.#partial = false
    this.#rows = undefined
    this.noticed(true)
  }

  /** Somebody is known from now on. */
  enter(peer: Peer): void {
    if (!this.#rows) return
    for (const [ring, row] of this.#rows.entries()) row.splice(this.#find(row, ring, peer), 0, peer)
  }

  /** Somebody is not known any more. */
  leave(peer: Peer): void {
    if (!this.#rows) return
    for (const [ring, row] of this.#rows.entries()) row.splice(this.#find(row, ring, peer), 1)
  }

  /** Somebody is there who was not, or the other way round. */
  noticed(went: boolean): void {
    this.#stale = true
    if (went) this.#reachIsStale = true
    if (this.#table.present.size >= this.#size) this.#partial = true
  }

  /** Whether a newcomer would stand nearer than somebody who is kept. */
  wants(id: MemberId): boolean {
    if (!this.#partial || this.#table.present.size < this.#size) return true
    if (this.#reachIsStale) this.#measure()
    const wanted = hash(id)
    for (let ring = 0; ring < ringCount; ring++) {
      const own = positionOf(this.#hash, ring)
      const at = positionOf(wanted, ring)
      if (onwards(own, at) <= this.#reach[ring * sides]!) return true
      if (onwards(at, own) <= this.#reach[ring * sides + 1]!) return true
    }
    return false
  }

  /** Whom to forget, now that somebody came. */
  surplus(): readonly Peer[] {
    const { present, absent } = this.#table
    if (present.size <= this.#size && absent.size <= this.#size) return []
    const kept = this.#measure()
    const out: Peer[] = []
    for (const peer of this.#table.all()) if (!kept.has(peer)) out.push(peer)
    return out
  }

  /**
   * Whether `reader` keeps `subject`, known here as `peer`, as far as this node can see: news about others is
   * wasted on it. A node that knows few does not choose.
   */
  concerns(subject: MemberId, peer: Peer | undefined, reader: Peer): boolean {
    if (!this.#partial || subject === this.#self || subject === reader.id) return true
    if (this.#table.present.size < this.#size) return true
    if (!peer) return false
    if (this.#stale) this.#measure()
    for (let ring = 0; ring < ringCount; ring++) {
      const a = rankOn(peer, ring)
      const b = rankOn(reader, ring)
      if (a !== 0 && b !== 0 && Math.abs(a - b) <= this.#depth) return true
    }
    return false
  }

  /** Who may know of somebody nearer: the nearest on each side of each ring, unless they were asked before. */
  guides(): Peer[] {
    if (this.#stale) this.#measure()
    return Array.from(this.#table.all()).filter(
      peer => peer.status === 'alive' && !peer.consulted && this.isNext(peer),
    )
  }

  /** Stands next to this node on some ring: whom it keeps is what this node should know of. */
  isNext(peer: Peer): boolean {
    if (this.#stale) this.#measure()
    for (let ring = 0; ring < ringCount; ring++) {
      if (Math.abs(rankOn(peer, ring)) === 1) return true
    }
    return false
  }

  /** Takes the measure of everybody known; answers who is kept. */
  #measure(): ReadonlySet<Peer> {
    this.#stale = false
    this.#reachIsStale = false
    const kept = new Set<Peer>()
    for (const peer of this.#table.all()) peer.ranks = 0
    this.#rows ??= Array.from({ length: ringCount }, (_, ring) => this.#row(ring))
    const walks = this.#rows.flatMap((row, ring) => [
      new Walk(row, ring, 1),
      new Walk(row, ring, -1),
    ])
    this.#depth = 0
    for (let going = true; going && kept.size < this.#size; ) {
      going = false
      this.#depth++
      for (const walk of walks) {
        if (kept.size >= this.#size) break
        if (walk.step(kept, this.#depth)) going = true
      }
    }
    for (const [i, walk] of walks.entries()) this.#reach[i] = this.#way(walk)
    this.#keepAbsent(walks, kept)
    return kept
  }

  /** The latest of the absent ones that stand between the kept, no more of them than of those. */
  #keepAbsent(walks: readonly Walk[], kept: Set<Peer>): void {
    const absent = new Set(walks.flatMap(walk => walk.passed))
    const latest = [...absent].sort((a, b) => b.since - a.since).slice(0, this.#size)
    for (const peer of latest) kept.add(peer)
  }

  /** How far out the last one stands whom the walk kept. */
  #way({ last, ring, direction }: Walk): number {
    if (last === undefined) return 0
    const own = positionOf(this.#hash, ring)
    const at = positionOf(last.hash, ring)
    return direction === 1 ? onwards(own, at) : onwards(at, own)
  }

  #row(ring: number): Peer[] {
    const own = positionOf(this.#hash, ring)
    const way = (peer: Peer) => onwards(own, positionOf(peer.hash, ring))
    return [...this.#table.all()].sort((a, b) => way(a) - way(b) || (a.id < b.id ? -1 : 1))
  }

  /** Where `peer` stands in the row, or would. */
  #find(row: readonly Peer[], ring: number, peer: Peer): number {
    const own = positionOf(this.#hash, ring)
    const wanted = onwards(own, positionOf(peer.hash, ring))
    let low = 0
    let high = row.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = row[middle]!
      const at = onwards(own, positionOf(other.hash, ring))
      if (at < wanted || (at === wanted && other.id < peer.id)) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Along one side of one ring, from this node outwards. */
class Walk {
  readonly ring: number
  readonly direction: 1 | -1
  readonly #row: readonly Peer[]
  #gone = 0
  /** The last one kept. */
  last: Peer | undefined
  /** Absent ones on the way. */
  readonly passed: Peer[] = []

  constructor(row: readonly Peer[], ring: number, direction: 1 | -1) {
    this.#row = row
    this.ring = ring
    this.direction = direction
  }

  /** Goes on to the next present one and keeps it; false: there is none. */
  step(kept: Set<Peer>, rank: number): boolean {
    const row = this.#row
    while (this.#gone < row.length) {
      const peer = row[this.direction === 1 ? this.#gone : row.length - 1 - this.#gone]!
      this.#gone++
      if (peer.status === 'left') continue
      this.#mark(peer, rank)
      if (peer.status === 'alive' || peer.status === 'suspect') {
        this.last = peer
        kept.add(peer)
        return true
      }
      this.passed.push(peer)
    }
    return false
  }

  #mark(peer: Peer, rank: number): void {
    if (rankOn(peer, this.ring) !== 0 || rank > mostRank) return
    const shift = this.ring * rankBits
    peer.ranks |= ((this.direction * rank) & 0xff) << shift
  }
}

/** How many present ones stand between this node and `peer` on that ring, plus one; behind it negative. */
function rankOn(peer: Peer, ring: number): number {
  return (peer.ranks << (32 - (ring + 1) * rankBits)) >> (32 - rankBits)
}
