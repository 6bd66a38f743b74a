/**
 * One raft node with a driver, a disk that can lose what it was not done writing, and a state
 * machine that is nothing but "applied up to". It fulfils the duties of raft/README.md in the worst
 * permitted way: it writes late, applies late, and forgets everything else in a crash.
 */
import { assert } from '../../src/base/errors.ts'
import type { Random } from '../../src/base/random.ts'
import { Raft } from '../../src/raft/raft.ts'
import type {
  Configuration,
  Entry,
  HardState,
  Initial,
  Message,
  PeerId,
  Persist,
  RaftConfig,
  Ready,
  SnapshotMeta,
} from '../../src/raft/types.ts'

/** What the node's disk holds and what is on its way there. */
export class SimulatedDisk {
  hardState: HardState
  snapshot: SnapshotMeta
  entries: Entry[] = []
  /** Applied and saved, with the configuration in force there; may lag behind what was applied. */
  saved: SnapshotMeta
  readonly pending: { readonly batch: Persist; readonly sendAfter: readonly Message[] }[] = []

  constructor(snapshot: SnapshotMeta, hardState: HardState) {
    this.snapshot = snapshot
    this.hardState = hardState
    this.saved = snapshot
  }

  get lastIndex(): number {
    return this.snapshot.index + this.entries.length
  }

  at(index: number): Entry | undefined {
    return this.entries[index - this.snapshot.index - 1]
  }

  /** The oldest batch under way becomes durable. */
  writeOne(): { readonly batch: Persist; readonly sendAfter: readonly Message[] } {
    const first = this.pending.shift()
    assert(first !== undefined, 'nothing to write')
    const { batch } = first
    if (batch.snapshot !== undefined) {
      this.snapshot = batch.snapshot
      this.saved = batch.snapshot
      this.entries = []
    }
    if (batch.hardState !== undefined) this.hardState = batch.hardState
    const from = batch.entries[0]?.index
    if (from !== undefined) {
      assert(from > this.snapshot.index && from <= this.lastIndex + 1, 'a gap in the log on disk')
      this.entries.length = from - this.snapshot.index - 1
      for (const entry of batch.entries) this.entries.push(entry)
    }
    return first
  }

  load(): Initial {
    return {
      hardState: this.hardState,
      snapshot: this.snapshot,
      entries: [...this.entries],
      applied: this.saved.index,
    }
  }
}

/** What the checkers want to hear of a node. */
export interface Witness {
  /** `entry` is committed, says `id`; it is durable there, unless `id` leads. */
  applied(id: PeerId, entry: Entry): void
  installed(id: PeerId, snapshot: SnapshotMeta): void
  rank(id: PeerId, rank: NonNullable<Ready['rank']>): void
  served(id: PeerId, context: number, index: number): void
  readRefused(context: number): void
  send(message: Message): void
  wantsSnapshot(id: PeerId, to: PeerId): void
}

export class SimulatedNode {
  readonly id: PeerId
  readonly disk: SimulatedDisk
  readonly #config: RaftConfig
  readonly #random: Random
  readonly #witness: Witness
  raft: Raft | undefined
  #applied = 0
  #configuration: Configuration
  #unapplied: Entry[] = []
  #readsWaiting: { context: number; index: number }[] = []

  constructor(config: RaftConfig, disk: SimulatedDisk, random: Random, witness: Witness) {
    this.id = config.id
    this.#config = config
    this.disk = disk
    this.#random = random
    this.#witness = witness
    this.#configuration = disk.snapshot.config
  }

  get applied(): number {
    return this.#applied
  }

  start(now: number): void {
    const initial = this.disk.load()
    this.#applied = initial.applied
    this.#configuration = this.disk.saved.config
    this.#unapplied = []
    this.#readsWaiting = []
    this.raft = new Raft(this.#config, initial, this.#random.fork(), now)
    this.pump(now)
  }

  /** Everything in memory is gone, and of the batches under way all but the first few. */
  crash(): void {
    for (const { context } of this.#readsWaiting) this.#witness.readRefused(context)
    this.raft = undefined
    const lucky = this.#random.below(this.disk.pending.length + 1)
    for (let i = 0; i < lucky; i++) this.disk.writeOne()
    this.disk.pending.length = 0
  }

  /** Takes what raft wants done. */
  pump(now: number): void {
    for (;;) {
      const ready = this.raft?.ready()
      if (ready === undefined) return
      this.#take(ready, now)
    }
  }

  #take(ready: Ready, now: number): void {
    if (ready.rank !== undefined) this.#witness.rank(this.id, ready.rank)
    for (const message of ready.send) this.#send(message)
    const { persist, sendAfter } = ready
    if (persist !== undefined) this.disk.pending.push({ batch: persist, sendAfter })
    else assert(sendAfter.length === 0, 'promises without a batch')
    for (const entry of ready.commit) {
      assert(
        this.disk.at(entry.index)?.term === entry.term || this.raft?.status().rank === 'leader',
        `${this.id}: applied what is not durable`,
      )
      this.#unapplied.push(entry)
    }
    for (const read of ready.reads) this.#readsWaiting.push({ ...read })
    for (const context of ready.readsRefused) this.#witness.readRefused(context)
    for (const to of ready.snapshots) this.#witness.wantsSnapshot(this.id, to)
    this.#serveReads()
    if (this.#random.below(4) > 0) this.apply(now)
  }

  /** The disk finishes one batch. */
  write(now: number): void {
    const { batch, sendAfter } = this.disk.writeOne()
    if (batch.snapshot !== undefined) {
      this.#applied = batch.snapshot.index
      this.#configuration = batch.snapshot.config
      this.#unapplied = []
      this.#witness.installed(this.id, batch.snapshot)
    }
    for (const message of sendAfter) this.#send(message)
    this.raft?.advance({ persisted: batch.id }, now)
    this.pump(now)
  }

  /** The state machine applies what it was given, and serves reads. */
  apply(now: number): void {
    if (this.#unapplied.length === 0) return
    for (const entry of this.#unapplied) {
      assert(entry.index === this.#applied + 1, `${this.id}: ${entry.index} after ${this.#applied}`)
      this.#applied = entry.index
      if (entry.type === 'config') this.#configuration = entry.config
      this.#witness.applied(this.id, entry)
    }
    this.#unapplied = []
    this.#serveReads()
    this.raft?.advance({ applied: this.#applied }, now)
  }

  /** Saves what is applied, some time after. */
  save(): void {
    const term =
      this.disk.at(this.#applied)?.term ??
      (this.#applied === this.disk.snapshot.index ? this.disk.snapshot.term : undefined)
    if (term === undefined || this.#applied < this.disk.saved.index) return
    this.disk.saved = { index: this.#applied, term, config: this.#configuration }
  }

  compact(margin: number): void {
    const index = this.disk.saved.index - margin
    const entry = this.disk.at(index)
    // A batch under way may hold a snapshot that replaces the log: leave the log alone until then.
    if (entry === undefined || this.disk.pending.some(({ batch }) => batch.snapshot)) return
    const config =
      this.disk.entries.findLast(e => e.index <= index && e.type === 'config') ?? undefined
    const meta = {
      index,
      term: entry.term,
      config: config?.type === 'config' ? config.config : this.disk.snapshot.config,
    }
    this.disk.entries.splice(0, index - this.disk.snapshot.index)
    this.disk.snapshot = meta
    this.raft?.compacted(meta)
  }

  #serveReads(): void {
    this.#readsWaiting = this.#readsWaiting.filter(({ context, index }) => {
      if (index > this.#applied) return true
      this.#witness.served(this.id, context, this.#applied)
      return false
    })
  }

  /** What leaves must be true on disk. */
  #send(message: Message): void {
    const { hardState } = this.disk
    if (message.type === 'append-response' && !message.rejected) {
      assert(hardState.term >= message.term, 'acknowledged in a term that a crash would forget')
      if (hardState.term === message.term) {
        assert(this.disk.lastIndex >= message.index, 'acknowledged what a crash would lose')
      }
    }
    if (message.type === 'vote-response' && message.granted && hardState.term === message.term) {
      assert(hardState.vote === message.to, 'voted without having written it')
    }
    if (message.type === 'vote') {
      assert(hardState.term >= message.term, 'asked for votes in a term that a crash would forget')
    }
    this.#witness.send(message)
  }
}
