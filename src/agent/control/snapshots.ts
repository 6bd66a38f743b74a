import { count, type Fields, optionalCount } from '../../base/shape.ts'
import type { Clock, Millis, Timer } from '../../base/time.ts'
import type { Trace } from '../../base/trace.ts'
import type { Links } from '../../net/link-types.ts'
import type { SnapshotMeta } from '../../raft/types.ts'
import type { GroupStore, SnapshotSource, StorageFailure } from '../../store/types.ts'
import { type Methods, refusal } from '../requests.ts'

/** Small enough to share a link with heartbeats, large enough that round trips do not matter. */
const chunkBytes = 256 * 1024
const chunkPatience = 10_000
/** Where a disk had no room for a copy, here or there, it is tried again after so long, ms, and twice as long each time. */
const firstPause = 1_000
const longestPause = 60_000

/** This node's disk, among the ids of peers. */
const own = ''

export interface SnapshotParts {
  readonly clock: Clock
  readonly trace: Trace
  readonly links: Links
  store(): GroupStore | undefined
  term(): number
  /** Of the group: chunks of another one are not taken. */
  lineage(): number
  leads(): boolean
  /** The own state cannot be copied, and not for want of room. */
  failed(failure: StorageFailure): void
  sent(peer: string, ok: boolean): void
  /** Sends the message that completes it; false: leads no more. */
  complete(peer: string, meta: SnapshotMeta): boolean
}

interface Arriving {
  /** What it is kept in: of a log laid down since, nothing counts. */
  readonly store: GroupStore
  readonly from: string
  readonly term: number
  /** Of the state in it. */
  readonly index: number
  readonly size: number
  received: number
}

/** Snapshots on their way: one chunk, one answer, so that a slow disk at the other end sets the pace. */
export class Snapshots {
  readonly #parts: SnapshotParts
  /** One at a time per peer; raft asks again if one breaks. */
  readonly #sending = new Set<string>()
  /** Of the next copy that a disk refuses: the own one will refuse the next, whoever it is for; a peer's, its own. */
  readonly #pauses = new Map<string, Millis>()
  /** Peers whose disk had no room, until they are tried again. */
  readonly #held = new Map<string, Timer>()
  /** Why the last one did not get there, by who waits for it. */
  readonly #waiting = new Map<string, string>()
  /** What comes in: of one sender, whole and in order, or not at all. */
  #arriving: Arriving | undefined

  constructor(parts: SnapshotParts) {
    this.#parts = parts
  }

  send(peer: string): void {
    const store = this.#parts.store()
    if (!store || this.#sending.has(peer)) return
    this.#sending.add(peer)
    store.takeSnapshot((failure, source) => {
      if (!source) {
        // Whoever else leads can send one.
        if (failure && failure.kind !== 'full') this.#parts.failed(failure)
        return this.#later(own, peer, undefined, failure)
      }
      this.#pauses.delete(own)
      this.#parts.trace.info(
        { peer, index: source.meta.index, bytes: source.size },
        'sending a snapshot',
      )
      this.#chunk(peer, store, source, 0)
    })
  }

  /** Raft asks again with the next answer of the peer once it is told: it is told after a pause. */
  #later(
    whose: string,
    peer: string,
    source: SnapshotSource | undefined,
    failure: { readonly message: string } | undefined,
  ): void {
    const pause = this.#pauses.get(whose) ?? firstPause
    this.#pauses.set(whose, Math.min(pause * 2, longestPause))
    const what = whose === own ? 'no snapshot could be taken' : 'a snapshot found no room'
    this.#parts.trace.warn({ peer, failure, pause }, what)
    const where = whose === own ? 'here' : 'there'
    this.#waiting.set(peer, `finds no room ${where}: ${failure?.message ?? 'the disk fails'}`)
    source?.close()
    const again = () => this.#over(peer, undefined, false)
    const timer = this.#parts.clock.after(pause, again)
    if (whose === peer) this.#held.set(peer, timer)
  }

  /** There is a new link to it: where its disk had no room, somebody may have made some and started it anew. */
  met(peer: string): void {
    const timer = this.#held.get(peer)
    if (!timer) return
    timer.cancel()
    this.#pauses.delete(peer)
    this.#over(peer, undefined, false)
  }

  /** `store`: what it was taken of. Who leads with another log by now has nothing to say of this one. */
  #chunk(peer: string, store: GroupStore, source: SnapshotSource, offset: number): void {
    const leads = this.#parts.leads() && this.#parts.store() === store
    if (!leads) return this.#over(peer, source, false)
    const bytes = this.#read(source, offset)
    if (!bytes) return this.#over(peer, source, false)
    const next = offset + bytes.length
    const { term, lineage } = this.#parts
    const { index } = source.meta
    const body = { offset, size: source.size, term: term(), lineage: lineage(), index }
    this.#parts.links.request(
      peer,
      'snapshot-chunk',
      body,
      chunkPatience,
      outcome => {
        if (!outcome.ok && outcome.code === 'STORAGE')
          return this.#later(peer, peer, source, { message: outcome.message })
        if (!outcome.ok) return this.#over(peer, source, false)
        if (next < source.size) return this.#chunk(peer, store, source, next)
        if (this.#parts.store() !== store) return this.#over(peer, source, false)
        this.#deliver(peer, source)
      },
      bytes,
    )
  }

  #read(source: SnapshotSource, offset: number): Uint8Array | undefined {
    try {
      return source.read(offset, chunkBytes)
    } catch (error) {
      this.#parts.trace.warn({ err: error }, 'a snapshot cannot be read')
      return undefined
    }
  }

  #deliver(peer: string, source: SnapshotSource): void {
    this.#pauses.delete(peer)
    this.#waiting.delete(peer)
    this.#over(peer, source, this.#parts.complete(peer, source.meta))
  }

  #over(peer: string, source: SnapshotSource | undefined, ok: boolean): void {
    source?.close()
    this.#held.delete(peer)
    this.#sending.delete(peer)
    this.#parts.sent(peer, ok)
  }

  /** Of the leader: whom a disk keeps from catching up. */
  notices(name: string, nameOf: (id: string) => string | undefined): readonly string[] {
    if (!this.#parts.leads()) this.#waiting.clear()
    const told: string[] = []
    for (const [peer, why] of this.#waiting) {
      const whom = nameOf(peer)
      if (whom !== undefined)
        told.push(`${name}: the snapshot for ${whom} ${why}; free the disk, it is tried again`)
    }
    return told
  }

  methods(): Methods {
    return {
      'snapshot-chunk': ({ from, body, blob, answer }) => {
        const store = this.#parts.store()
        if (!store) return answer(refusal('REFUSED', 'this node carries no log'))
        if (count(body, 'term') < this.#parts.term())
          return answer(refusal('NOT_LEADER', 'a newer leader is known'))
        if ((optionalCount(body, 'lineage') ?? 0) !== this.#parts.lineage())
          return answer(refusal('EPOCH_MISMATCH', 'this node carries the log of another history'))
        const offset = count(body, 'offset')
        const arriving = this.#expect(store, from, body, offset)
        if (!arriving)
          return answer(refusal('REFUSED', 'this is not the next piece of the snapshot under way'))
        store.receiveChunk(offset, blob)
        arriving.received += blob.length
        answer({ ok: true, body: {} })
      },
    }
  }

  /**
   * Is `meta`, which `from` says is complete, what has come? Pieces of two leaders' snapshots must never become
   * one, nor the one be taken for the other. Asked once: what follows is another.
   */
  arrived(from: string, meta: SnapshotMeta): boolean {
    const arriving = this.#arriving
    if (arriving?.from !== from || arriving.index !== meta.index) return false
    if (arriving.store !== this.#parts.store()) return false
    this.#arriving = undefined
    return arriving.received === arriving.size
  }

  #expect(store: GroupStore, from: string, body: Fields, offset: number): Arriving | undefined {
    const [term, index, size] = [count(body, 'term'), count(body, 'index'), count(body, 'size')]
    const now = this.#arriving?.store === store ? this.#arriving : undefined
    if (offset === 0) {
      if (now && now.term > term) return undefined
      this.#arriving = { store, from, term, index, size, received: 0 }
      return this.#arriving
    }
    const next =
      now?.from === from && now.term === term && now.index === index && now.received === offset
    return next ? now : undefined
  }
}
