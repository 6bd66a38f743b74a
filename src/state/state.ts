import { assert } from '../base/errors.ts'
import type { EpochMillis } from '../base/time.ts'
import { rule } from './apply/apply.ts'
import { configure } from './apply/control.ts'
import type { Parts } from './apply/ruling.ts'
import { Clients } from './clients.ts'
import { Digest } from './digest.ts'
import { eventsVersion, type HiveEvent, type LoggedEvent, type NodeId } from './events.ts'
import { History } from './history.ts'
import { Kv, type KvPageWish } from './kv.ts'
import { toLogged } from './logged.ts'
import { type Facts, Meta, type VoterReplacement } from './meta.ts'
import { Nodes } from './nodes.ts'
import { type Restore, Restoring } from './restoring.ts'
import { type Rowed, Table } from './table.ts'
import type {
  Applied,
  CaRecord,
  CertificateRecord,
  ClusterRecord,
  EntryLike,
  GossipKeyRecord,
  JoinRequest,
  KvEntry,
  NodeRecord,
  Outcome,
  Row,
  TokenRecord,
  Tombstone,
} from './types.ts'

export type { EntryLike, UnknownEvent } from './types.ts'

/**
 * What the agreed events add up to. The same entries give the same state on every node, and the rows
 * it hands out, loaded again, give the same state too: no time, no chance, no order of maps enters.
 */
export class State {
  readonly #parts: Parts = {
    cluster: new Table<ClusterRecord>('cluster'),
    nodes: new Nodes(),
    tombstones: new Table<Tombstone>('tombstone', (a, b) => a.leftAt - b.leftAt),
    meta: new Meta(),
    kv: new Kv(),
    authorities: new Table<CaRecord>('authority', (a, b) => a.createdAt - b.createdAt),
    certificates: new Table<CertificateRecord>('certificate'),
    gossipKeys: new Table<GossipKeyRecord>(
      'gossip-key',
      (a, b) => a.addedAt - b.addedAt || a.id - b.id,
    ),
    tokens: new Table<TokenRecord>('token', (a, b) => a.createdAt - b.createdAt),
    joinRequests: new Table<JoinRequest>('join-request', (a, b) => a.requestedAt - b.requestedAt),
    restoring: new Restoring(),
  }
  readonly #clients = new Clients()
  readonly #history = new History()
  readonly #rowed: readonly Rowed[] = [...Object.values(this.#parts), this.#clients, this.#history]
  #index = 0
  #term = 0
  /** Wall time of the last event, for raft's own entries, which have none. */
  #time: EpochMillis = 0
  /** Entries were applied since the last `takeRows`. */
  #moved = false

  static empty(): State {
    return new State()
  }

  /**
   * From the rows that `takeRows` ever gave, the last of each table and key; in any order. If the build
   * that wrote them stopped at an event that this one can read, application goes on from there.
   */
  static load(rows: Iterable<Row>): State {
    const loading = State.loading()
    for (const row of rows) loading.add(row)
    return loading.done()
  }

  /** The same for rows that come one by one. */
  static loading(): { add(row: Row): void; done(): State } {
    const state = new State()
    const byTable = new Map(state.#rowed.flatMap(part => part.tables.map(name => [name, part])))
    return {
      add(row) {
        if (row.json === null) return
        const part = byTable.get(row.table)
        assert(
          part !== undefined,
          `the state has a table ${row.table} that this build does not know`,
        )
        part.load(row)
      },
      done: () => state.#loaded(),
    }
  }

  /** Null: a zombie. */
  get cluster(): ClusterRecord | null {
    return this.#parts.cluster.get('cluster') ?? null
  }

  get nodes(): ReadonlyMap<NodeId, NodeRecord> {
    return this.#parts.nodes.all
  }

  get tombstones(): ReadonlyMap<NodeId, Tombstone> {
    return this.#parts.tombstones.all
  }

  /** By fingerprint, oldest first; the last one certifies. Empty: this cluster has none. */
  get authorities(): ReadonlyMap<string, CaRecord> {
    return this.#parts.authorities.all
  }

  /** By node; those of nodes that are gone as long as they are valid. */
  get certificates(): ReadonlyMap<NodeId, CertificateRecord> {
    return this.#parts.certificates.all
  }

  /** Which are received, and which is sent. Empty: those who hold the secret use its key. */
  get gossipKeys(): { readonly primary: number; readonly keys: readonly GossipKeyRecord[] } {
    const primary = this.#parts.meta.fact('gossip')?.primary ?? 0
    return { primary, keys: [...this.#parts.gossipKeys.all.values()] }
  }

  /** By id, oldest first; those that are dead stay for a while. */
  get tokens(): ReadonlyMap<string, TokenRecord> {
    return this.#parts.tokens.all
  }

  /** By node id, oldest first: who waits for an operator, and whom one refused. */
  get joinRequests(): ReadonlyMap<NodeId, JoinRequest> {
    return this.#parts.joinRequests.all
  }

  /** A restore whose keys are arriving; undefined: none. */
  get restore(): Restore | undefined {
    return this.#parts.restoring.restore
  }

  /** Control nodes that vote, sorted; a change under way shows when it is complete. */
  get voters(): readonly NodeId[] {
    return this.#parts.meta.fact('control')?.voters ?? []
  }

  /** Control nodes that only receive the log, sorted. */
  get observers(): readonly NodeId[] {
    return this.#parts.meta.fact('control')?.observers ?? []
  }

  /** Whose vote the control plane gave to whom last, by itself. */
  get replacement(): VoterReplacement | undefined {
    return this.#parts.meta.fact('replacement')
  }

  /** Last entry applied. */
  get applied(): number {
    return this.#index
  }

  get term(): number {
    return this.#term
  }

  /** Wall time of the last event applied; 0: none. */
  get time(): EpochMillis {
    return this.#time
  }

  /** Set when an unknown event type or newer version stopped application: the version needed. */
  get stopped(): Facts['stopped'] | null {
    return this.#parts.meta.fact('stopped') ?? null
  }

  nodeByName(name: string): NodeRecord | undefined {
    return this.#parts.nodes.named(name)
  }

  /** The epoch that counted at an entry; 0 before the first event. */
  epochAt(index: number): number {
    const epochs = this.#parts.meta.fact('epochs') ?? []
    return epochs.findLast(({ from }) => from <= index)?.epoch ?? 0
  }

  /** Where the first epoch after that one began; undefined: none has. */
  epochAfter(epoch: number): number | undefined {
    const epochs = this.#parts.meta.fact('epochs') ?? []
    return epochs.find(begun => begun.epoch > epoch)?.from
  }

  /**
   * Administrative events that took effect (everything but Kv*, and nothing refused) from seq `from`
   * on, newest last, at most `limit`; the last 10 000 are kept.
   */
  history(from: number, limit: number): readonly LoggedEvent[] {
    return this.#history.read(from, limit)
  }

  kvGet(key: string): KvEntry | undefined {
    return this.#parts.kv.get(key)
  }

  /** Entries under the prefix in byte order of their keys; at most `limit`. */
  kvList(prefix: string, limit?: number): readonly KvEntry[] {
    return this.#parts.kv.list(prefix, limit)
  }

  /** The same in pages: those behind `after`, about so many bytes of them; `bare`: with empty values. */
  kvPage(prefix: string, page: KvPageWish): { entries: readonly KvEntry[]; more: boolean } {
    return this.#parts.kv.page(prefix, page)
  }

  /**
   * With `recurse`, the highest index at which something under the prefix changed, deletions included;
   * without, the same of the one key. For blocking queries: never runs backwards. 0: nothing ever did.
   */
  kvIndex(prefix: string, recurse: boolean): number {
    return this.#parts.kv.index(prefix, recurse)
  }

  /**
   * Deterministic; the outcome of a retried request is the first one's. Entries come in order, without
   * gaps. Once `stopped`, nothing is applied any more and `applied` stays before the unknown event.
   */
  apply(entry: EntryLike): Applied {
    const unreadable = this.#unreadable(entry)
    if (unreadable !== undefined) return { outcome: unreadable }
    assert(
      entry.index === this.#index + 1 || (this.#index === 0 && entry.index > 0),
      `entry ${entry.index} was applied after ${this.#index}`,
    )
    this.#index = entry.index
    this.#term = entry.term
    this.#moved = true
    if (entry.type === 'data') {
      assert(!('unknown' in entry.event), 'an unreadable event was to be applied')
      return this.#applyEvent(entry, entry.event)
    }
    const shown = entry.type === 'noop' || configure(this.#parts, entry.config)
    return this.#told(entry, { ok: true, index: entry.index }, shown)
  }

  /** Rows changed since the last call; empties. */
  takeRows(): Row[] {
    const rows: Row[] = []
    this.#noteApplied()
    for (const part of this.#rowed) part.takeRows(rows)
    return rows
  }

  /** A digest of everything applied, for the simulator: equal state at equal index. */
  fingerprint(): string {
    const digest = new Digest()
    this.#noteApplied()
    for (const part of this.#rowed) part.digest(digest)
    return digest.toString()
  }

  /** The dear part of `fingerprint`, in pieces of some milliseconds: it then only looks at what has changed since. */
  *fingerprinting(): Iterable<void> {
    for (const _ of this.#parts.kv.sums()) yield
  }

  #loaded(): State {
    for (const part of this.#rowed) part.loaded()
    const applied = this.#parts.meta.fact('applied')
    if (applied !== undefined) {
      this.#index = applied.index
      this.#term = applied.term
      this.#time = applied.time
    }
    const { stopped } = this
    if (stopped !== null && stopped.needs <= eventsVersion) this.#parts.meta.delete('stopped')
    return this
  }

  #applyEvent(entry: EntryLike, event: HiveEvent): Applied {
    const { request } = event
    const before = request === undefined ? undefined : this.#clients.recall(request)
    if (before !== undefined) return { outcome: before }
    if (this.#time === 0) this.#history.dateUndated(event.time)
    this.#time = event.time
    const at = { index: entry.index, time: event.time }
    const { outcome, happened } = rule(this.#parts, event, at)
    if (request !== undefined) this.#clients.remember(request, entry.index, outcome)
    return this.#told(entry, outcome, happened)
  }

  #told(entry: EntryLike, outcome: Outcome, shown: boolean): Applied {
    if (!shown) return { outcome }
    const event = toLogged(entry, this.epochAt(entry.index), this.#time)
    assert(event !== undefined, `entry ${entry.index} happened but cannot be shown`)
    this.#history.add(event)
    return { outcome, event }
  }

  /** The refusal, if this entry or an earlier one is beyond this build. */
  #unreadable(entry: EntryLike): Outcome | undefined {
    if (this.stopped === null && entry.type === 'data' && 'unknown' in entry.event) {
      this.#parts.meta.note('stopped', { at: entry.index, ...entry.event.unknown })
    }
    const { stopped } = this
    if (stopped === null) return undefined
    const { at, type, needs } = stopped
    return {
      ok: false,
      code: 'VERSION_MISMATCH',
      message: `event ${at} (${type}) needs events version ${needs}; this build reads up to ${eventsVersion}`,
      remedy: 'upgrade hive on this node',
    }
  }

  #noteApplied(): void {
    if (!this.#moved) return
    this.#moved = false
    const applied = { index: this.#index, term: this.#term, time: this.#time }
    this.#parts.meta.note('applied', applied)
  }
}
