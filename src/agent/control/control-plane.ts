import { MalformedError } from '../../base/bytes.ts'
import type { Random } from '../../base/random.ts'
import type { Clock, Timer } from '../../base/time.ts'
import type { Trace } from '../../base/trace.ts'
import { defaults, Raft } from '../../raft/raft.ts'
import type {
  ChangeResult,
  ConfigChange,
  Entry,
  Message,
  RaftConfig,
  RaftStatus,
  Rank,
  Ready,
  SnapshotMeta,
} from '../../raft/types.ts'
import { decodeEvent, encodeEvent } from '../../state/codec.ts'
import type { EventData, EventType, HiveEvent, RequestId } from '../../state/events.ts'
import { askedVoters, ungatedEvents, versionOf } from '../../state/events.ts'
import type { State } from '../../state/state.ts'
import type { Applied, Outcome } from '../../state/types.ts'
import type { GroupStore, Loaded, StorageFailure } from '../../store/types.ts'
import { LogTail } from './log-tail.ts'
import { notLeader, overloaded, tooNew } from './outcomes.ts'
import { PlaneReads } from './plane-reads.ts'
import { Proposals } from './proposals.ts'
import { savedState } from './saved-state.ts'

/**
 * Turns raft's crank: takes what raft wants done to the disk, the peers and the state, and brings back
 * what came of it. One turn of the loop is one batch: everything that arrived in it shares a write.
 */
export interface ControlPlaneParts {
  readonly self: string
  readonly clock: Clock
  readonly random: Random
  readonly trace: Trace
  readonly store: GroupStore
  readonly loaded: Loaded
  readonly timing?: Partial<RaftConfig>
  /** The version of events that is read; at one beyond it application stops. */
  readonly reads?: number
  send(message: Message): void
  sendSnapshot(peer: string): void
  /** After a batch was applied: `index` is new, some administrative event among it or not. */
  applied(batch: readonly AppliedEntry[]): void
  ranked(rank: NonNullable<Ready['rank']>): void
  failed(failure: StorageFailure): void
}

export interface AppliedEntry {
  readonly entry: Entry
  readonly event: HiveEvent | undefined
  readonly applied: Applied
}

export type Draft = {
  [T in EventType]: {
    readonly type: T
    readonly data: EventData[T]
    readonly actor: string
    readonly request?: RequestId
  }
}[EventType]

/** The store gets what was applied after so long, ms, or so many entries: a crash repeats them from the log. */
const saveDelay = 50
const maxUnsaved = 1_000
/**
 * Followers may hear so much later what is committed, ms: under load it travels with the next entries, which spares
 * each follower half of its messages. Only what they answer from their own state is that much older.
 */
const commitDelay = 5

export class ControlPlane {
  readonly #parts: ControlPlaneParts
  readonly #raft: Raft
  #state: State
  readonly #proposals = new Proposals()
  readonly #reads = new PlaneReads()
  readonly #tail: LogTail
  #cranking = false
  #scheduled = false
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #sweeper: Timer | undefined
  /** Entries applied whose rows the store does not have yet. */
  #unsaved = 0
  #saver: Timer | undefined
  #stopped = false
  #wasInformed = false
  #rank: Rank = 'follower'
  #leader: string | null = null
  #term: number

  constructor(parts: ControlPlaneParts) {
    this.#parts = parts
    const { loaded, clock } = parts
    this.#state = savedState(loaded.rows)
    this.#raft = new Raft(
      { ...defaults, commitDelay, ...parts.timing, id: parts.self },
      {
        hardState: loaded.hardState,
        snapshot: loaded.snapshot,
        entries: loaded.entries,
        applied: loaded.applied,
      },
      parts.random,
      clock.now(),
      () => clock.wall(),
    )
    this.#tail = new LogTail(loaded, parts.store)
    this.#term = loaded.hardState.term
    this.#schedule()
    this.#sweep()
  }

  get state(): State {
    return this.#state
  }

  status(): RaftStatus {
    return this.#raft.status()
  }

  /** Who has the log by its latest configuration, agreed or not, or by the one that it comes from: voters and observers. */
  get carriers(): ReadonlySet<string> {
    const { voters, outgoing, learners, learnersNext } = this.#raft.status().config
    return new Set([...voters, ...outgoing, ...learners, ...learnersNext])
  }

  /** By what is agreed, too: a change that takes it out and is not agreed yet may come to nothing. */
  mayCarry(id: string): boolean {
    const { voters, observers } = this.#state
    return voters.includes(id) || observers.includes(id) || this.carriers.has(id)
  }

  /** The state is all that is agreed, as far as the leader that this node hears knows. */
  get informed(): boolean {
    const informed = this.#raft.informed && this.#state.applied === this.#raft.status().commit
    this.#wasInformed ||= informed
    return informed
  }

  /** It was so at some time since the log was opened: before, the state may be any beginning of what is agreed. */
  get wasInformed(): boolean {
    return this.#wasInformed || this.informed
  }

  /** Which rescue of a lost quorum this group goes back to; 0: none. */
  get lineage(): number {
    return this.#raft.status().lineage
  }

  /** Of the end of the log. */
  get lastTerm(): number {
    const { lastIndex } = this.#raft.status()
    return this.#raft.entries(lastIndex, lastIndex)[0]?.term ?? this.#state.term
  }

  /** An operator says that the others are lost: goes on alone. False: it cannot, or need not. */
  rescue(lineage: number): boolean {
    const begun = this.#raft.rescue(lineage, this.#parts.clock.now())
    this.#schedule()
    return begun
  }

  /** First entry still in memory. */
  get firstIndex(): number {
    return this.#tail.firstIndex
  }

  get term(): number {
    return this.#term
  }

  /** Entries from `from` to `to`, both included, as far as they are still in the log. */
  entries(from: number, to: number): readonly Entry[] {
    return this.#raft.entries(from, to)
  }

  isLeader(): boolean {
    return this.#rank === 'leader' && !this.#stopped
  }

  /** It leads, and has applied an entry of its own term: all that was agreed before it led is in the state. */
  get governs(): boolean {
    return this.isLeader() && this.#state.term === this.#term
  }

  leader(): string | null {
    return this.#leader
  }

  step(message: Message): void {
    if (this.#stopped) return
    this.#raft.step(message, this.#parts.clock.now())
    // What has arrived goes to the store before anything of the next one can take its place there.
    if (message.type === 'snapshot') this.#crank()
    else this.#schedule()
  }

  /** `done` exactly once; NOT_LEADER says for certain that nothing happened, TIMEOUT that nobody knows. */
  propose(draft: Draft, done: (outcome: Outcome) => void): void {
    if (this.#stopped || !this.isLeader()) return done(notLeader)
    if (this.#proposals.full) return done(overloaded)
    const v = versionOf(draft.type, draft.data)
    if (v > this.#allowed(draft.type)) return done(tooNew(draft.type, v))
    const event = {
      v,
      time: this.#parts.clock.wall(),
      ...draft,
    } as HiveEvent
    const data = encoded(event)
    if (!(data instanceof Uint8Array)) return done(data)
    this.#proposals.queue(data, done)
    this.#schedule()
  }

  /** The first event, and the one that raises it, are proposed by who knows that all read them. */
  #allowed(type: Draft['type']): number {
    const { cluster } = this.state
    if (!cluster || type === 'ClusterUpgraded') return Number.POSITIVE_INFINITY
    return cluster.events ?? ungatedEvents
  }

  /** Linearizable: calls `done` with an index that the state has reached by then, or null if leadership is lost. */
  read(done: (index: number | null) => void): void {
    if (this.#stopped) return done(null)
    if (!this.#reads.ask(this.#raft, this.#parts.clock.now(), done)) return
    this.#schedule()
  }

  /** `by`: who asked for it, an operator or this leader. */
  changeConfig(change: Omit<ConfigChange, 'by'>, by: string): ChangeResult {
    const agreed = this.state.cluster?.events ?? ungatedEvents
    const told = agreed >= askedVoters ? { ...change, by } : change
    const result = this.#raft.changeConfig(told, this.#parts.clock.now())
    this.#schedule()
    return result
  }

  transferLeadership(to: string): boolean {
    const begun = this.#raft.transferLeadership(to, this.#parts.clock.now())
    this.#schedule()
    return begun
  }

  /** The leader's process is gone, as its port says. */
  suspectLeader(): void {
    this.#raft.suspectLeader(this.#parts.clock.now())
    this.#schedule()
  }

  /** A copy of the applied state, at least as new as it is now. */
  copyRows(done: Parameters<GroupStore['copyRows']>[0]): void {
    if (this.#stopped) return done({ kind: 'io', message: 'the store is closed' })
    this.#save()
    this.#parts.store.copyRows(done)
  }

  snapshotSent(peer: string, ok: boolean): void {
    this.#raft.snapshotSent(peer, ok, this.#parts.clock.now())
    this.#schedule()
  }

  /** What completes a snapshot that has gone over in chunks; undefined: leads no more. */
  snapshotMessage(to: string, snapshot: SnapshotMeta): Message | undefined {
    return this.#raft.snapshotMessage(to, snapshot)
  }

  /** Whatever it was that failed, a write that somebody waits for or not: what is promised from here on could not be kept. */
  diskFailed(failure: StorageFailure): void {
    if (this.#stopped) return
    this.#raft.stepDown(this.#parts.clock.now())
    this.#schedule()
    this.#parts.failed(failure)
  }

  stop(): void {
    this.#save()
    this.#stopped = true
    this.#timer?.cancel()
    this.#sweeper?.cancel()
    this.#proposals.stop()
    this.#reads.stop()
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return
    this.#scheduled = true
    this.#parts.clock.soon(() => this.#crank())
  }

  #crank(): void {
    this.#scheduled = false
    if (this.#stopped || this.#cranking) return
    this.#cranking = true
    this.#raft.tick(this.#parts.clock.now())
    this.#proposals.propose(this.#raft, this.#parts.clock.now())
    for (let ready = this.#raft.ready(); ready; ready = this.#raft.ready()) {
      this.#handle(ready)
      if (this.#stopped) break
    }
    this.#cranking = false
    this.#arm()
  }

  /** The timer only schedules: the crank then runs after the I/O that waits, so that a late loop hears heartbeats first. */
  #arm(): void {
    const at = this.#raft.wakeAt()
    if (this.#stopped || at === undefined) return
    if (this.#timer && this.#timerAt <= at) return
    this.#timer?.cancel()
    this.#timerAt = at
    this.#timer = this.#parts.clock.after(Math.max(0, at - this.#parts.clock.now()), () => {
      this.#timer = undefined
      this.#schedule()
    })
  }

  #handle(ready: Ready): void {
    const { persist } = ready
    if (ready.rank) this.#ranked(ready.rank)
    for (const message of ready.send) this.#parts.send(message)
    if (persist) {
      this.#tail.grew(persist.entries)
      const { sendAfter } = ready
      this.#parts.store.write(persist, failure => {
        if (this.#stopped) return
        if (failure) return this.diskFailed(failure)
        if (persist.snapshot && !this.#restore(persist.snapshot)) return
        for (const message of sendAfter) this.#parts.send(message)
        this.#raft.advance({ persisted: persist.id }, this.#parts.clock.now())
        this.#schedule()
      })
    }
    if (ready.commit.length > 0) this.#apply(ready.commit)
    this.#reads.take(ready, this.#state.applied, this.#state.stopped !== null)
    for (const peer of ready.snapshots) this.#parts.sendSnapshot(peer)
  }

  #ranked(rank: NonNullable<Ready['rank']>): void {
    this.#rank = rank.rank
    this.#leader = rank.leader
    this.#term = rank.term
    this.#parts.ranked(rank)
  }

  #apply(entries: readonly Entry[]): void {
    const { reads } = this.#parts
    const batch: AppliedEntry[] = []
    const finished: (() => void)[] = []
    for (const entry of entries) {
      if (this.#state.stopped) break
      const event = entry.type === 'data' ? decodeEvent(entry.data, reads) : undefined
      const applied = this.#state.apply(
        entry.type === 'data'
          ? { index: entry.index, term: entry.term, type: 'data', event: event! }
          : entry,
      )
      // An event that this build cannot read: nothing after it counts here until a newer one reads it.
      if (this.#state.stopped) break
      this.#tail.passed(entry)
      batch.push({ entry, event: event && 'unknown' in event ? undefined : event, applied })
      const tell = this.#proposals.settle(entry, applied.outcome)
      if (tell) finished.push(tell)
    }
    const index = this.#state.applied
    this.#saveSoon(entries.length)
    this.#raft.advance({ applied: index }, this.#parts.clock.now())
    this.#wasInformed ||= this.informed
    for (const tell of finished) tell()
    this.#parts.applied(batch)
    this.#compact(index)
  }

  /** Rows go to the disk a few times a second: what is written again and again meanwhile goes once. */
  #saveSoon(entries: number): void {
    this.#unsaved += entries
    if (this.#unsaved >= maxUnsaved) return this.#save()
    this.#saver ??= this.#parts.clock.after(saveDelay, () => this.#save())
  }

  #save(): void {
    this.#saver?.cancel()
    this.#saver = undefined
    if (this.#unsaved === 0) return
    this.#unsaved = 0
    const { applied: index, term } = this.#state
    const { config } = this.#tail
    this.#parts.store.save({ index, term, config, rows: this.#state.takeRows() })
  }

  /** False: what was installed cannot be read back. */
  #restore(snapshot: SnapshotMeta): boolean {
    try {
      this.#state = savedState(this.#parts.store.installed().rows)
    } catch (error) {
      this.diskFailed({ kind: 'corrupt', message: (error as Error).message })
      // The state in memory is of before: nothing that comes after the snapshot fits it.
      this.#unsaved = 0
      this.stop()
      return false
    }
    this.#unsaved = 0
    this.#tail.restored(snapshot)
    this.#proposals.restored(snapshot.index)
    this.#parts.trace.info({ index: snapshot.index }, 'state replaced by a snapshot')
    this.#parts.applied([])
    return true
  }

  #compact(applied: number): void {
    const meta = this.#tail.due(this.#raft, applied)
    if (!meta) return
    this.#save()
    this.#parts.store.compact(meta.index, meta.term)
    this.#raft.compacted(meta)
    this.#tail.cut(meta, this.#raft.entries(meta.index + 1, applied))
  }

  #sweep(): void {
    this.#sweeper = this.#parts.clock.after(1000, () => {
      this.#proposals.sweep(this.#parts.clock.now())
      this.#sweep()
    })
  }
}

/** The bytes of an event, or why it cannot be one: what is too long or not of its kind ends here. */
function encoded(event: HiveEvent): Uint8Array | Outcome {
  try {
    return encodeEvent(event)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return { ok: false, code: 'BAD_REQUEST', message: error.message }
  }
}
