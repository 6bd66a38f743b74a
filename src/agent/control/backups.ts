import type { SnapshotList } from '../../api/types.ts'
import { OperatorError } from '../../base/errors.ts'
import type { Clock, Instant, Millis, Timer } from '../../base/time.ts'
import type { Trace } from '../../base/trace.ts'
import { SnapshotReader } from '../../snapshot/reader.ts'
import { pieceBytes, SnapshotWriter } from '../../snapshot/writer.ts'
import { decodeEvent } from '../../state/codec.ts'
import { State } from '../../state/state.ts'
import type { BackupFile, Backups, BackupWriter, RowsCopy } from '../../store/types.ts'
import { headerOf } from '../desk/copies.ts'
import type { Self } from '../self.ts'
import type { ControlPlane } from './control-plane.ts'

/**
 * Snapshots by the clock, on every control node for itself: whichever of them is left has some. Each is read back
 * from the disk, opened in memory and brought forward by the log to the present; then its digest must be that of the state
 * that the node lives by. Only then older ones go.
 */
export interface ScheduleParts {
  readonly self: Self
  readonly clock: Clock
  readonly trace: Trace
  readonly backups: Backups
  /** Null: none are made. */
  readonly every: Millis | null
  readonly keep: number
  plane(): ControlPlane | undefined
}

/** A node that just started has other things to do, ms. */
const firstDelay = 10_000
/** One that failed is tried again after so long, ms, or after the period if that is shorter. */
const retryDelay = 300_000
/** Entries of the log applied at once while a snapshot is brought forward. */
const entriesAtOnce = 256
/** Pieces of a digest summed at once, each of up to a millisecond or two. */
const piecesAtOnce = 4

/** `CLUSTER-INDEX-TIME.snapshot` */
const pattern = /^(?<cluster>.+)-(?<index>\d{12})-(?<time>\d{8}T\d{6})Z\.snapshot$/

export class ScheduledSnapshots {
  readonly #parts: ScheduleParts
  #timer: Timer | undefined
  #dueAt: Instant | undefined
  #busy = false
  #stopped = false
  #failure: string | undefined
  #writer: BackupWriter | undefined
  #copy: RowsCopy | undefined

  constructor(parts: ScheduleParts) {
    this.#parts = parts
  }

  /** A restart changes no date: the newest file says when the next is due. */
  start(): void {
    const { backups, clock, every } = this.#parts
    if (every === null) return
    backups.list((_failure, files) => {
      const newest = Math.max(0, ...files.map(file => described(file)?.taken ?? 0))
      const since = Math.max(0, clock.wall() - newest)
      this.#next(Math.max(Math.min(firstDelay, every), every - since))
    })
  }

  stop(): void {
    this.#stopped = true
    this.#release()
  }

  notices(): readonly string[] {
    // Who carries no log makes none.
    if (this.#failure === undefined || !this.#parts.plane()) return []
    return [
      `${this.#parts.self.name}: the last scheduled snapshot failed: ${this.#failure}; older ones are kept, and it is tried again`,
    ]
  }

  list(done: (list: SnapshotList | OperatorError) => void): void {
    const { self, clock, backups, every, keep } = this.#parts
    const { name: node } = self
    backups.list((failure, files) => {
      if (failure !== undefined) {
        return done(new OperatorError('STORAGE', `${backups.folder} cannot be read: ${failure}`))
      }
      const due = this.#dueAt
      // Who carries no log makes none, whatever the clock says.
      const makes = due !== undefined && this.#parts.plane()?.state.cluster !== undefined
      const next = makes ? clock.wall() + Math.max(0, due - clock.now()) : null
      const snapshots = files.map(described).filter(file => file !== undefined)
      const about = { node, folder: backups.folder, every, keep, next }
      done({ ...about, failure: this.#failure ?? null, snapshots })
    })
  }

  #next(delay: Millis): void {
    if (this.#stopped) return
    this.#timer?.cancel()
    this.#dueAt = this.#parts.clock.now() + delay
    this.#timer = this.#parts.clock.after(delay, () => this.#begin())
  }

  #begin(): void {
    const { every, backups } = this.#parts
    const plane = this.#parts.plane()
    if (this.#busy || !plane?.state.cluster || plane.state.stopped) return this.#next(every!)
    this.#busy = true
    backups.list((failure, files) => {
      if (failure !== undefined) return this.#failed(failure)
      const { cluster, applied } = plane.state
      const newest = files.map(described).filter(f => f?.cluster === cluster?.name)
      // Nothing happened since: the one that is there says all of it.
      if (newest.some(file => file?.index === applied)) return this.#over(every!)
      plane.copyRows((failure, copy) => {
        if (copy && !this.#stopped) this.#write(plane, copy)
        else if (copy) copy.close()
        else this.#failed(failure?.message ?? 'no copy of the state could be made')
      })
    })
  }

  #write(plane: ControlPlane, copy: RowsCopy): void {
    const { self, clock, backups } = this.#parts
    const header = headerOf(copy, self.name, self.version, clock.wall())
    if ('unread' in header) return this.#failed(header.unread)
    const name = nameOf(header.cluster.name, header.index, header.taken)
    const pieces = new SnapshotWriter(header, bytes => copy.next(bytes))
    const file = backups.write(name)
    this.#writer = file
    this.#copy = copy
    const step = (failure?: string): void => {
      if (this.#stopped) return
      if (failure !== undefined) return this.#failed(failure)
      let piece: Uint8Array | undefined
      const unread = said(() => {
        piece = pieces.piece()
      })
      if (unread !== undefined) return this.#failed(unread)
      if (piece) return file.append(piece, step)
      copy.close()
      this.#copy = undefined
      file.finish(failure => {
        this.#writer = undefined
        if (failure !== undefined) this.#failed(failure)
        else this.#verify(plane, name)
      })
    }
    step()
  }

  /** From the disk, as a restore would. */
  #verify(plane: ControlPlane, name: string): void {
    const { backups } = this.#parts
    const reader = new SnapshotReader()
    const loading = State.loading()
    const step = (offset: number): void => {
      backups.read(name, offset, pieceBytes, (failure, bytes) => {
        if (this.#stopped) return
        const wrong =
          failure ??
          said(() => {
            for (const row of reader.add(bytes)) loading.add(row)
          })
        if (wrong !== undefined) return this.#refuse(name, wrong)
        if (bytes.length > 0) return step(offset + bytes.length)
        let copy: State | undefined
        const unfinished = said(() => {
          reader.end()
          copy = loading.done()
        })
        if (!copy) return this.#refuse(name, unfinished ?? 'it cannot be loaded')
        this.#sum(plane, name, copy)
      })
    }
    step(0)
  }

  /** What of the two digests is dear, a little at a time: a leader that stands still for a second leads no more. */
  #sum(plane: ControlPlane, name: string, copy: State): void {
    const pieces = piecesOf(copy, plane.state)
    const step = (): void => {
      if (this.#stopped) return
      for (let i = 0; i < piecesAtOnce; i++) {
        if (pieces.next().done) return this.#bringForward(plane, name, copy)
      }
      this.#parts.clock.soon(step)
    }
    step()
  }

  /** The living state has gone on meanwhile: the log brings the copy to where that is. */
  #bringForward(plane: ControlPlane, name: string, copy: State): void {
    if (this.#stopped) return
    // The log was cut, or replaced, under our feet: the next one will be compared.
    if (plane !== this.#parts.plane() || plane.firstIndex > copy.applied + 1) {
      return this.#refuse(name, 'the log went on too fast to compare it')
    }
    const to = Math.min(plane.state.applied, copy.applied + entriesAtOnce)
    for (const entry of plane.entries(copy.applied + 1, to)) {
      const { index, term } = entry
      if (entry.type === 'data') {
        copy.apply({ index, term, type: 'data', event: decodeEvent(entry.data) })
      } else copy.apply(entry)
    }
    if (copy.applied < plane.state.applied) {
      this.#parts.clock.soon(() => this.#bringForward(plane, name, copy))
      return
    }
    if (copy.fingerprint() !== plane.state.fingerprint()) {
      return this.#refuse(name, 'what it holds is not what this node lives by')
    }
    this.#failure = undefined
    this.#parts.trace.info({ name, index: copy.applied }, 'a snapshot was made and verified')
    this.#prune(plane.state.cluster!.name, name)
  }

  /**
   * The oldest by their time: a cluster that was made or rescued anew counts its events from less. Of other
   * clusters and of other names nothing is touched, nor the one just made, whatever the clock says.
   */
  #prune(cluster: string, made: string): void {
    const { backups, keep, every } = this.#parts
    backups.list((failure, files) => {
      if (failure !== undefined) return this.#failed(failure)
      const older = files
        .map(described)
        .filter(file => file !== undefined)
        .filter(file => file.cluster === cluster && file.name !== made)
        .sort((a, b) => a.taken - b.taken || a.index - b.index)
      const due = older.slice(0, Math.max(0, older.length + 1 - keep))
      const step = (failure?: string): void => {
        if (failure !== undefined) return this.#failed(failure)
        const next = due.shift()
        if (next) backups.remove(next.name, step)
        else this.#over(every!)
      }
      step()
    })
  }

  /** One that nobody could rely on is worse than none. */
  #refuse(name: string, why: string): void {
    this.#parts.backups.remove(name, () => this.#failed(`${name}: ${why}`))
  }

  #failed(why: string): void {
    this.#release()
    if (this.#stopped) return
    this.#failure = why
    this.#parts.trace.warn({ why }, 'a scheduled snapshot failed')
    this.#over(Math.min(this.#parts.every!, retryDelay))
  }

  #over(delay: Millis): void {
    this.#busy = false
    this.#next(delay)
  }

  #release(): void {
    this.#writer?.drop()
    this.#writer = undefined
    this.#copy?.close()
    this.#copy = undefined
  }
}

function* piecesOf(...states: readonly State[]): Iterator<void> {
  for (const state of states) yield* state.fingerprinting()
}

function nameOf(cluster: string, index: number, taken: number): string {
  const time = new Date(taken).toISOString().replace(/[-:]|\.\d+/g, '')
  return `${cluster}-${String(index).padStart(12, '0')}-${time}.snapshot`
}

/** Undefined: a file of somebody else. */
function described({ name, bytes }: BackupFile) {
  const { cluster, index, time } = pattern.exec(name)?.groups ?? {}
  if (cluster === undefined || time === undefined) return undefined
  const iso = time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)$/, '$1-$2-$3T$4:$5:$6Z')
  return { name, bytes, cluster, index: Number(index), taken: Date.parse(iso) }
}

/** What is wrong with it; undefined: nothing. Bytes that a disk has changed may be anything until their sum is known. */
function said(act: () => void): string | undefined {
  try {
    act()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return undefined
}
