import { Rings } from '../base/rings.ts'
import { isFailed } from '../state/apply/health.ts'
import type { NodeRecord } from '../state/types.ts'

/** Beyond twice a slice: the smaller it is, the more a few overlaps count. */
const margin = 16

/**
 * Who keeps whom in a cluster that is larger than a slice, for those who have the full list; and since which
 * event a node's view is what it is, so that an event wakes those whom it concerns and not ten thousand.
 */
export class Slices {
  #size = 0
  #rings = new Rings()
  #records: ReadonlyMap<string, NodeRecord> = new Map()
  /** Failed nodes, with those who kept them and are to know it. */
  readonly #failed = new Map<string, readonly string[]>()
  readonly #failedNear = new Map<string, Set<string>>()
  readonly #touched = new Map<string, number>()
  #everybody = 0
  #latest = 0

  /** Everybody fits in a slice. */
  get whole(): boolean {
    return this.#records.size <= this.#size + 1
  }

  /**
   * Takes in what was agreed up to event `index`; answers the records that are new or other than before.
   * `scope`: whether these events said something of single nodes only.
   */
  learn(
    nodes: ReadonlyMap<string, NodeRecord>,
    size: number,
    index: number,
    scope: 'nodes' | 'all',
  ): readonly NodeRecord[] {
    const before = this.#records
    const wasWhole = this.whole || size !== this.#size
    this.#size = size
    this.#records = new Map(nodes)
    this.#latest = index
    const changed = [...nodes.values()].filter(n => before.get(n.id) !== n)
    const gone = [...before.keys()].filter(id => !nodes.has(id))
    const everybody = scope === 'all' || wasWhole || this.whole
    const concerned = everybody ? undefined : new Set<string>()
    for (const id of gone) this.#remove(id, concerned)
    for (const node of changed) this.#place(node, before.get(node.id), concerned)
    if (concerned) for (const id of concerned) this.#touched.set(id, index)
    else {
      this.#everybody = index
      this.#touched.clear()
    }
    return changed
  }

  /** The event that last changed what this node is to know. */
  version(id: string): number {
    if (!this.#records.has(id)) return this.#latest
    return Math.max(this.#everybody, this.#touched.get(id) ?? 0)
  }

  /** Whom `id` is to keep, and the failed ones that it kept. */
  of(id: string): readonly string[] {
    if (this.whole) return [...this.#records.keys()].filter(other => other !== id)
    const failed = [...(this.#failedNear.get(id) ?? [])].slice(-this.#size)
    return [...this.#rings.neighbours(id, this.#size), ...failed]
  }

  /** Another log. */
  restart(): void {
    this.#rings = new Rings()
    this.#records = new Map()
    this.#failed.clear()
    this.#failedNear.clear()
    this.#touched.clear()
    this.#everybody = 0
    this.#latest = 0
  }

  #place(node: NodeRecord, before: NodeRecord | undefined, concerned?: Set<string>): void {
    const { id } = node
    const failed = isFailed(node)
    concerned?.add(id)
    if (before !== undefined && !isNews(node, before)) return
    if (!failed) {
      this.#forgive(id)
      this.#rings.add(id)
    }
    if (concerned) for (const keeper of this.#around(id)) concerned.add(keeper)
    if (!failed || this.#failed.has(id)) return
    const keepers = this.#keepers(id)
    this.#rings.remove(id)
    this.#failed.set(id, keepers)
    for (const keeper of keepers) {
      const near = this.#failedNear.get(keeper)
      if (near) near.add(id)
      else this.#failedNear.set(keeper, new Set([id]))
    }
  }

  #remove(id: string, concerned?: Set<string>): void {
    for (const keeper of this.#failed.get(id) ?? []) concerned?.add(keeper)
    this.#forgive(id)
    this.#failedNear.delete(id)
    this.#touched.delete(id)
    if (concerned) for (const keeper of this.#around(id)) concerned.add(keeper)
    this.#rings.remove(id)
  }

  /** Whoever may keep `id`: where slices overlap on several rings, they reach a little further. */
  #around(id: string): readonly string[] {
    return this.#rings.neighbours(id, 2 * this.#size + margin)
  }

  #keepers(id: string): readonly string[] {
    return this.#around(id).filter(other => this.#rings.neighbours(other, this.#size).includes(id))
  }

  #forgive(id: string): void {
    for (const keeper of this.#failed.get(id) ?? []) {
      const near = this.#failedNear.get(keeper)
      near?.delete(id)
      if (near?.size === 0) this.#failedNear.delete(keeper)
    }
    this.#failed.delete(id)
  }
}

/** Whether those who keep it are to know. */
function isNews(now: NodeRecord, before: NodeRecord): boolean {
  return (
    now.name !== before.name ||
    now.incarnation !== before.incarnation ||
    now.key !== before.key ||
    now.address.host !== before.address.host ||
    now.address.port !== before.address.port ||
    isFailed(now) !== isFailed(before)
  )
}
