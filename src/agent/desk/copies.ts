import { count, flag } from '../../base/shape.ts'
import type { Timer } from '../../base/time.ts'
import type { SnapshotHeader } from '../../snapshot/header.ts'
import { SnapshotWriter } from '../../snapshot/writer.ts'
import { eventsVersion } from '../../state/events.ts'
import type { ClusterRecord } from '../../state/types.ts'
import type { RowsCopy } from '../../store/types.ts'
import { type Methods, type PeerRequest, refusal } from '../requests.ts'
import { type DeskParts, notLeader } from './desk.ts'

/** Copies that are being read at once; each holds a file as large as the state. */
const maxReading = 4
/** Nobody asked for the next piece for so long, ms: whoever read it is gone. */
const patience = 30_000

const remedy = 'look at the disk of that node; hive status says which fail'

interface Reading {
  readonly writer: SnapshotWriter
  readonly copy: RowsCopy
  /** Number of the next piece, and the one before for who did not hear it. */
  next: number
  last: Uint8Array
  timer: Timer
}

/** Hands out snapshots of the state, piece by piece, to whoever asked for one. */
export class CopyDesk {
  readonly #parts: DeskParts
  readonly #reading = new Map<number, Reading>()
  #opening = 0
  #ids = 0

  constructor(parts: DeskParts) {
    this.#parts = parts
  }

  methods(): Methods {
    return {
      'copy-open': request => this.#open(request),
      'copy-next': request => this.#next(request),
      'copy-close': ({ body, answer }) => {
        this.#close(count(body, 'id'))
        answer({ ok: true, body: {} })
      },
    }
  }

  stop(): void {
    for (const id of [...this.#reading.keys()]) this.#close(id)
  }

  #open({ body, answer }: PeerRequest): void {
    const plane = this.#parts.plane()
    const stale = flag(body, 'stale')
    if (!plane?.state.cluster || (!stale && !plane.isLeader())) return answer(notLeader)
    if (this.#reading.size + this.#opening >= maxReading) {
      return answer(
        refusal('BUSY', `${maxReading} snapshots are being read already`, 'try again in a moment'),
      )
    }
    this.#opening += 1
    const copy = () =>
      plane.copyRows((failure, copy) => {
        this.#opening -= 1
        const begun = copy && this.#begin(copy)
        if (begun && !('unread' in begun)) return answer({ ok: true, body: begun })
        const why = failure?.message ?? begun?.unread ?? 'it stops'
        answer(refusal('STORAGE', `no copy of the state could be made: ${why}`, remedy))
      })
    if (stale) return copy()
    plane.read(index => {
      if (index !== null) return copy()
      this.#opening -= 1
      answer(notLeader)
    })
  }

  #begin(copy: RowsCopy) {
    const { self, clock } = this.#parts
    const header = headerOf(copy, self.name, self.version, clock.wall())
    if ('unread' in header) return header
    const id = ++this.#ids
    this.#reading.set(id, {
      writer: new SnapshotWriter(header, bytes => copy.next(bytes)),
      copy,
      next: 0,
      last: new Uint8Array(0),
      timer: this.#expire(id),
    })
    const { name } = header.cluster
    return { id, node: self.id, name, index: header.index, size: copy.size }
  }

  #next({ body, answer }: PeerRequest): void {
    const [id, n] = [count(body, 'id'), count(body, 'n')]
    const reading = this.#reading.get(id)
    if (!reading || n < reading.next - 1 || n > reading.next) {
      return answer(refusal('REFUSED', 'the copy is gone', 'begin again'))
    }
    reading.timer.cancel()
    reading.timer = this.#expire(id)
    if (n === reading.next) {
      try {
        reading.last = reading.writer.piece() ?? new Uint8Array(0)
      } catch (error) {
        this.#close(id)
        const why = (error as Error).message
        return answer(refusal('STORAGE', `the copy of the state cannot be read: ${why}`, remedy))
      }
      reading.next += 1
    }
    answer({ ok: true, body: {}, blob: reading.last })
  }

  #expire(id: number): Timer {
    return this.#parts.clock.after(patience, () => this.#close(id))
  }

  #close(id: number): void {
    const reading = this.#reading.get(id)
    this.#reading.delete(id)
    reading?.timer.cancel()
    reading?.copy.close()
  }
}

/** What a snapshot says of itself, from the rows in it. `unread`: the disk does not give them back; the copy is closed. */
export function headerOf(
  copy: RowsCopy,
  node: string,
  version: string,
  taken: number,
): SnapshotHeader | { readonly unread: string } {
  try {
    return readHeader(copy, node, version, taken)
  } catch (error) {
    copy.close()
    return { unread: error instanceof Error ? error.message : String(error) }
  }
}

function readHeader(copy: RowsCopy, node: string, version: string, taken: number): SnapshotHeader {
  const cluster = JSON.parse(copy.find('cluster', 'cluster')!.json!) as ClusterRecord
  const applied = JSON.parse(copy.find('meta', 'applied')!.json!) as { time: number }
  const { tag, name, epoch, metaVersion, settings } = cluster
  const { index, term } = copy.meta
  return {
    ...{ cluster: { tag, name }, epoch, metaVersion, index, term },
    ...{ stateVersion: eventsVersion, time: applied.time, taken, node, version, settings },
  }
}
