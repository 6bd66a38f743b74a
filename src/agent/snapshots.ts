import { count, optionalCount } from '../base/shape.ts'
import type { Trace } from '../base/trace.ts'
import type { Links } from '../net/link-types.ts'
import type { SnapshotMeta } from '../raft/types.ts'
import type { GroupStore, SnapshotSource } from '../store/types.ts'
import { type Methods, refusal } from './requests.ts'

/** Small enough to share a link with heartbeats, large enough that round trips do not matter. */
const chunkBytes = 256 * 1024
const chunkPatience = 10_000

export interface SnapshotParts {
  readonly trace: Trace
  readonly links: Links
  store(): GroupStore | undefined
  term(): number
  /** Of the group: chunks of another one are not taken. */
  lineage(): number
  leads(): boolean
  sent(peer: string, ok: boolean): void
  /** Sends the message that completes it; false: leads no more. */
  complete(peer: string, meta: SnapshotMeta): boolean
}

/** Snapshots on their way: one chunk, one answer, so that a slow disk at the other end sets the pace. */
export class Snapshots {
  readonly #parts: SnapshotParts
  /** One at a time per peer; raft asks again if one breaks. */
  readonly #sending = new Set<string>()

  constructor(parts: SnapshotParts) {
    this.#parts = parts
  }

  send(peer: string): void {
    const store = this.#parts.store()
    if (!store || this.#sending.has(peer)) return
    this.#sending.add(peer)
    store.takeSnapshot((failure, source) => {
      if (!source) {
        this.#parts.trace.warn({ peer, failure }, 'no snapshot could be taken')
        return this.#over(peer, undefined, false)
      }
      this.#parts.trace.info(
        { peer, index: source.meta.index, bytes: source.size },
        'sending a snapshot',
      )
      this.#chunk(peer, source, 0)
    })
  }

  #chunk(peer: string, source: SnapshotSource, offset: number): void {
    if (!this.#parts.leads()) return this.#over(peer, source, false)
    const bytes = source.read(offset, chunkBytes)
    const next = offset + bytes.length
    const { term, lineage } = this.#parts
    const body = { offset, size: source.size, term: term(), lineage: lineage() }
    this.#parts.links.request(
      peer,
      'snapshot-chunk',
      body,
      chunkPatience,
      outcome => {
        if (!outcome.ok) return this.#over(peer, source, false)
        if (next < source.size) return this.#chunk(peer, source, next)
        this.#deliver(peer, source)
      },
      bytes,
    )
  }

  #deliver(peer: string, source: SnapshotSource): void {
    this.#over(peer, source, this.#parts.complete(peer, source.meta))
  }

  #over(peer: string, source: SnapshotSource | undefined, ok: boolean): void {
    source?.close()
    this.#sending.delete(peer)
    this.#parts.sent(peer, ok)
  }

  methods(): Methods {
    return {
      'snapshot-chunk': ({ body, blob, answer }) => {
        const store = this.#parts.store()
        if (!store) return answer(refusal('REFUSED', 'this node carries no log'))
        if (count(body, 'term') < this.#parts.term())
          return answer(refusal('NOT_LEADER', 'a newer leader is known'))
        if ((optionalCount(body, 'lineage') ?? 0) !== this.#parts.lineage())
          return answer(refusal('EPOCH_MISMATCH', 'this node carries the log of another history'))
        store.receiveChunk(count(body, 'offset'), blob)
        answer({ ok: true, body: {} })
      },
    }
  }
}
