import { OperatorError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import type { Clock } from '../../base/time.ts'
import type { Trace } from '../../base/trace.ts'
import type { Links } from '../../net/link-types.ts'
import { newGroup } from '../../raft/raft.ts'
import type { RaftConfig, Ready } from '../../raft/types.ts'
import type { GroupStore, NodeFacts, Storage, StorageFailure } from '../../store/types.ts'
import type { Self } from '../self.ts'
import { type AppliedEntry, ControlPlane } from './control-plane.ts'
import { Snapshots } from './snapshots.ts'

export interface GroupParts {
  readonly self: Self
  readonly clock: Clock
  readonly random: Random
  readonly trace: Trace
  readonly links: Links
  readonly storage: Storage
  readonly timing: Partial<RaftConfig>
  /** The version of events that this build reads. */
  readonly reads: number
  applied(batch: readonly AppliedEntry[]): void
  ranked(rank: NonNullable<Ready['rank']>): void
  failed(failure: StorageFailure): void
}

/** The raft group on this node, while it is part of one: disk, control plane and snapshots come and go together. */
export class Group {
  readonly #parts: GroupParts
  readonly snapshots: Snapshots
  #plane: ControlPlane | undefined
  #store: GroupStore | undefined

  constructor(parts: GroupParts) {
    this.#parts = parts
    this.snapshots = new Snapshots({
      clock: parts.clock,
      trace: parts.trace,
      links: parts.links,
      store: () => this.#store,
      term: () => this.#plane?.term ?? 0,
      lineage: () => this.#plane?.lineage ?? 0,
      leads: () => this.#plane?.isLeader() ?? false,
      failed: failure => this.#plane?.diskFailed(failure),
      sent: (peer, ok) => this.#plane?.snapshotSent(peer, ok),
      complete: (peer, meta) => {
        const message = this.#plane?.snapshotMessage(peer, meta)
        return message !== undefined && parts.links.sendRaft(peer, message)
      },
    })
  }

  get plane(): ControlPlane | undefined {
    return this.#plane
  }

  /**
   * The facts name the group, the files follow: they are written before the facts name it, and moved after
   * the facts forget it. So files that the facts do not name are what a crash left on the way, and nothing
   * was promised with them that still counts.
   */
  tidy(): void {
    const { self, storage, trace } = this.#parts
    if (self.facts.group || this.#plane || !storage.hasGroup()) return
    trace.info(
      { aside: storage.setAside('unfinished') },
      'a log that belongs to no group is set aside',
    )
  }

  /** Room for a log on this disk; `after` fences what this node may have promised and forgotten. */
  create(
    voters: readonly string[],
    after?: { readonly term: number; readonly vote: string; readonly lineage?: number },
  ): void {
    this.tidy()
    const { snapshot, hardState } = newGroup(voters)
    this.#parts.storage.createGroup(snapshot, { ...hardState, ...after }, [])
  }

  /** Reads log and state, and lets raft run. */
  open(): void {
    if (this.#plane) return
    const { self, clock, random, trace, storage, timing, reads, links } = this.#parts
    if (!storage.hasGroup()) {
      throw new OperatorError(
        'STORAGE',
        `${self.name} carries the log of its cluster, but log.db is gone: what it promised is forgotten`,
        'put log.db and state.db back; or empty the data directory, start it as a new node, and take the old one out with hive node remove',
      )
    }
    let failed: StorageFailure | undefined
    let plane: ControlPlane | undefined
    const { loaded, store } = storage.openGroup(failure => {
      failed = failure
      if (plane) plane.diskFailed(failure)
      else this.#parts.failed(failure)
    })
    this.#store = store
    plane = new ControlPlane({
      self: self.id,
      clock,
      random: random.fork(),
      trace,
      store,
      loaded,
      timing,
      reads,
      send: message => void links.sendRaft(message.to, message),
      sendSnapshot: peer => this.snapshots.send(peer),
      applied: batch => this.#parts.applied(batch),
      ranked: rank => this.#parts.ranked(rank),
      failed: failure => this.#parts.failed(failure),
    })
    this.#plane = plane
    if (failed) plane.diskFailed(failed)
  }

  /** What is to be kept of a log that is laid down. */
  get promised(): NodeFacts['promised'] {
    const { group, promised } = this.#parts.self.facts
    if (!group || !this.#plane) return promised
    const { lineage, term, vote } = this.#plane.status()
    return { tag: group.tag, lineage, term, vote }
  }

  /** Is there a log on this node's disk? */
  get exists(): boolean {
    return this.#parts.storage.hasGroup()
  }

  /** Sets log and state aside, where an operator finds them, and `facts` beside them; says where. */
  leave(label: string, facts?: NodeFacts): string | undefined {
    this.#plane?.stop()
    this.#plane = undefined
    this.#store = undefined
    return this.exists || facts ? this.#parts.storage.setAside(label, facts) : undefined
  }

  stop(done: () => void): void {
    this.#plane?.stop()
    if (this.#store) this.#store.close(done)
    else done()
  }
}
