/** A raft node whose every step is taken by hand. */
import { assert } from '../../src/base/errors.ts'
import { seeded } from '../../src/base/random.ts'
import { Raft } from '../../src/raft/raft.ts'
import type { Message, RaftConfig, Ready, SnapshotMeta } from '../../src/raft/types.ts'
import { showConfig, showEntry } from './show.ts'
import type { SimulatedDisk } from './simulated-node.ts'

export class ManualNode {
  readonly disk: SimulatedDisk
  readonly #config: RaftConfig
  #raft: Raft | undefined
  #applied = 0

  constructor(config: RaftConfig, disk: SimulatedDisk, now: number) {
    this.#config = config
    this.disk = disk
    this.start(now)
  }

  get id(): string {
    return this.#config.id
  }

  get isUp(): boolean {
    return this.#raft !== undefined
  }

  get raft(): Raft {
    assert(this.#raft !== undefined, `${this.id} is down`)
    return this.#raft
  }

  start(now: number): void {
    const initial = this.disk.load()
    this.#applied = initial.applied
    this.#raft = new Raft(this.#config, initial, seeded(`node ${this.id}`), now)
  }

  /** Memory is gone, and the batches under way. */
  crash(): void {
    this.#raft = undefined
    this.disk.pending.length = 0
  }

  /** Takes one `ready`; its batch waits for `persist`, its entries are applied. */
  ready(now: number): Ready | undefined {
    const ready = this.#raft?.ready()
    if (ready === undefined) return undefined
    const { persist, sendAfter } = ready
    if (persist !== undefined) this.disk.pending.push({ batch: persist, sendAfter })
    for (const { index } of ready.commit) {
      assert(index === this.#applied + 1, `applied ${index} after ${this.#applied}`)
      this.#applied = index
    }
    if (ready.commit.length > 0) this.#raft!.advance({ applied: this.#applied }, now)
    return ready
  }

  /** The oldest batch under way becomes durable: its number, and what may leave now. */
  persist(now: number): { id: number; messages: readonly Message[] } | undefined {
    if (this.disk.pending.length === 0) return undefined
    const { batch, sendAfter } = this.disk.writeOne()
    if (batch.snapshot !== undefined) this.#applied = batch.snapshot.index
    this.raft.advance({ persisted: batch.id }, now)
    return { id: batch.id, messages: sendAfter }
  }

  compact(index: number): void {
    const { disk } = this
    const meta = this.#metaAt(index)
    disk.entries.splice(0, index - disk.snapshot.index)
    disk.snapshot = meta
    if (disk.saved.index < index) disk.saved = meta
    this.raft.compacted(meta)
  }

  /** A snapshot of what is applied. */
  snapshot(): SnapshotMeta {
    const { snapshot } = this.disk
    return this.#applied === snapshot.index ? snapshot : this.#metaAt(this.#applied)
  }

  #metaAt(index: number): SnapshotMeta {
    const { disk } = this
    const entry = disk.at(index)
    assert(entry !== undefined, `${this.id} has no entry ${index} on disk`)
    const last = disk.entries.findLast(e => e.index <= index && e.type === 'config')
    const config = last?.type === 'config' ? last.config : disk.snapshot.config
    return { index, term: entry.term, config }
  }

  showStatus(): string[] {
    if (!this.isUp) return [`${this.id} is down`]
    const status = this.raft.status()
    const { rank, term, vote, leader, commit, applied, lastIndex, config, progress, lineage } =
      status
    const peers = progress.map(peer => {
      const tags = [peer.recentlyActive ? '' : ' inactive', peer.learner ? ' learner' : ''].join('')
      return `  ${peer.id}: ${peer.state} match=${peer.match} next=${peer.next}${tags}`
    })
    return [
      `${this.id} ${rank} term=${term} vote=${vote ?? '-'} leader=${leader ?? '-'} ` +
        `applied=${applied} commit=${commit} last=${lastIndex} ${showConfig(config)}${lineage === 0 ? '' : ` lineage=${lineage}`}`,
      ...peers,
    ]
  }

  showLog(): string {
    const { firstIndex, lastIndex } = this.raft.status()
    const entries = this.raft.entries(firstIndex, lastIndex).map(showEntry)
    return `${this.id} from ${firstIndex}: ${entries.join(' ')}`
  }
}
