import { assert, OperatorError } from '../../src/base/errors.ts'
import type { Random } from '../../src/base/random.ts'
import type { Entry, HardState, SnapshotMeta } from '../../src/raft/types.ts'
import type { Row } from '../../src/state/types.ts'
import type {
  Backups,
  Compaction,
  GroupStore,
  Loaded,
  NodeFacts,
  Storage,
  StorageFailure,
} from '../../src/store/types.ts'
import { simulatedBackups } from './disk-backups.ts'
import { SimulatedGroup } from './disk-group.ts'
import type { Life } from './queue.ts'
import type { Simulation } from './simulation.ts'

/** How a disk behaves, ms. Can be changed while it runs. */
export interface DiskHabits {
  /** A sync takes between these two… */
  syncMin: number
  syncMax: number
  /** …times this: a neighbour hammers the same disk. */
  slowness: number
  /** The applied state is saved at most so much later than asked for. */
  saveLag: number
}

export const fairDisk: DiskHabits = { syncMin: 0.3, syncMax: 3, slowness: 1, saveLag: 400 }

/** Log and applied state as the platters have them: what a process finds after a crash. */
export interface DurableGroup {
  hardState: HardState
  /** What the log starts after. */
  base: SnapshotMeta
  entries: Entry[]
  applied: SnapshotMeta
  readonly rows: Map<string, Row>
}

/**
 * What a disk may refuse by itself: a nearly full one still has room for what overwrites itself (facts and log), and none
 * for files that are made anew.
 */
export const diskParts = ['facts', 'identity', 'log', 'files'] as const
export type DiskPart = (typeof diskParts)[number]

export type DiskNote = 'truncated' | 'snapshot' | 'torn'

/** One machine's disk. Processes come and go; it stays. */
export class Disk {
  readonly simulation: Simulation
  readonly habits: DiskHabits
  readonly dice: Random
  facts: string | undefined
  /** Key, certificate and secrets: a file that is written whole. */
  identity: string | undefined
  group: DurableGroup | undefined
  /** What was set aside, by label. */
  readonly aside = new Map<string, { readonly group?: DurableGroup; readonly facts?: NodeFacts }>()
  /** Hears of what is rare enough to be counted. */
  noted: ((what: DiskNote) => void) | undefined
  /** Set: every write fails like this from now on… */
  failing: StorageFailure | undefined
  /** …but for these. */
  readonly spared = new Set<DiskPart>()

  /** Set: what was copied of the state cannot be read back. */
  unreadable = false

  /** When logs are cut; undefined: as on real disks. */
  compaction: Compaction | undefined
  /** Snapshots that the node keeps, by name. */
  readonly backups = new Map<string, Uint8Array>()

  constructor(simulation: Simulation, name: string, habits: DiskHabits = { ...fairDisk }) {
    this.simulation = simulation
    this.habits = habits
    this.dice = simulation.dice(`disk ${name}`)
  }

  /** The one in use, and those set aside. */
  get groups(): readonly DurableGroup[] {
    const all = [this.group, ...Array.from(this.aside.values(), a => a.group)]
    return all.filter(group => group !== undefined)
  }

  /** Whether a crash now would leave `entry` here: as such, or within what was compacted or installed. */
  holds(entry: Entry): boolean {
    for (const group of this.groups) {
      if (group.base.index >= entry.index) return true
      if (group.entries[entry.index - group.base.index - 1]?.term === entry.term) return true
    }
    return false
  }

  /** Why that part takes no writes now; undefined: it does. */
  refusal(part: DiskPart): StorageFailure | undefined {
    return this.spared.has(part) ? undefined : this.failing
  }

  /** For who writes it at once. Throws OperatorError STORAGE. */
  demand(part: DiskPart): void {
    const refusal = this.refusal(part)
    if (refusal) throw new OperatorError('STORAGE', refusal.message, 'free the disk')
  }

  syncTime(): number {
    const { syncMin, syncMax, slowness } = this.habits
    const u = this.dice.next() ** 2
    return (syncMin + (syncMax - syncMin) * u) * slowness
  }
}

/** What one process sees of its machine's disk. */
export class SimulatedStorage implements Storage {
  readonly #disk: Disk
  readonly #life: Life
  #open: SimulatedGroup | undefined

  constructor(disk: Disk, life: Life) {
    this.#disk = disk
    this.#life = life
  }

  /** The group's store while it is open: the checkers read its log. */
  get openStore(): SimulatedGroup | undefined {
    return this.#open
  }

  get backups(): Backups {
    return simulatedBackups(this.#disk, this.#life)
  }

  readFacts(): NodeFacts | undefined {
    return this.#disk.facts === undefined ? undefined : (JSON.parse(this.#disk.facts) as NodeFacts)
  }

  writeFacts(facts: NodeFacts): void {
    if (!this.#life.alive) return
    this.#disk.demand('facts')
    const before = this.readFacts()
    assert(
      before?.id !== facts.id || facts.incarnation >= before.incarnation,
      `incarnation ${before?.incarnation} became ${facts.incarnation}`,
    )
    this.#disk.facts = JSON.stringify(facts)
    this.#disk.simulation.trace.mixText(this.#disk.facts)
  }

  hasGroup(): boolean {
    return this.#disk.group !== undefined
  }

  createGroup(first: SnapshotMeta, hardState: HardState, rows: readonly Row[]): void {
    if (!this.#life.alive) return
    if (this.#disk.group !== undefined) throw new Error('there is a group on this disk already')
    this.#disk.demand('files')
    this.#disk.group = {
      hardState,
      base: first,
      entries: [],
      applied: first,
      rows: new Map(rows.map(row => [rowKey(row), row])),
    }
  }

  openGroup(failed: (failure: StorageFailure) => void): {
    readonly loaded: Loaded
    readonly store: GroupStore
  } {
    this.#disk.demand('files')
    const first: SnapshotMeta = {
      index: 0,
      term: 0,
      config: { voters: [], outgoing: [], learners: [], learnersNext: [] },
    }
    const group = (this.#disk.group ??= {
      hardState: { term: 0, vote: null, commit: 0 },
      base: first,
      entries: [],
      applied: first,
      rows: new Map(),
    })
    this.#open = new SimulatedGroup(this.#disk, group, this.#life, failed)
    const loaded: Loaded = {
      hardState: group.hardState,
      snapshot: group.base,
      entries: group.entries.slice(),
      applied: group.applied.index,
      rows: [...group.rows.values()],
    }
    return { loaded, store: this.#open }
  }

  setAside(label: string, facts?: NodeFacts): string {
    this.#open?.abandon()
    this.#open = undefined
    this.#disk.demand('files')
    const { group } = this.#disk
    this.#disk.aside.set(label, { ...(group && { group }), ...(facts && { facts }) })
    this.#disk.group = undefined
    return `aside/${label}`
  }

  close(done: () => void): void {
    const open = this.#open
    this.#open = undefined
    if (open === undefined) this.#disk.simulation.after(0, done, this.#life)
    else open.close(done)
  }

  /** The process was killed: of what was being written, only a beginning may be there. */
  crash(): void {
    this.#open?.crash()
    this.#open = undefined
  }
}

export function rowKey(row: Row): string {
  return `${row.table}\u0000${row.key}`
}
