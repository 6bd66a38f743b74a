import { assert } from '../base/errors.ts'
import type { NodeId } from './events.ts'
import { Table } from './table.ts'
import type { NodeRecord, Row } from './types.ts'

/** The nodes by id, in the order of their admission; found by name too: names are unique in the cluster. */
export class Nodes extends Table<NodeRecord> {
  readonly #byName = new Map<string, NodeId>()

  constructor() {
    super('node', (a, b) => a.admittedAt - b.admittedAt || (a.id < b.id ? -1 : 1))
  }

  named(name: string): NodeRecord | undefined {
    const id = this.#byName.get(name)
    return id === undefined ? undefined : this.get(id)
  }

  override set(id: NodeId, node: NodeRecord): void {
    const holder = this.#byName.get(node.name)
    assert(holder === undefined || holder === id, `two nodes are named ${node.name}`)
    this.#forgetName(id)
    this.#byName.set(node.name, id)
    super.set(id, node)
  }

  override delete(id: NodeId): void {
    this.#forgetName(id)
    super.delete(id)
  }

  override load(row: Row): void {
    super.load(row)
    this.#byName.set(this.get(row.key)!.name, row.key)
  }

  #forgetName(id: NodeId): void {
    const old = this.get(id)
    if (old !== undefined) this.#byName.delete(old.name)
  }
}
