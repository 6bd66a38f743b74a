import type { NodeRecord } from '../state/types.ts'

/** Somebody that can be dialled. */
export interface Contact {
  readonly id: string
  readonly name: string
  readonly host: string
  readonly port: number
}

export function contactOf(node: Pick<NodeRecord, 'id' | 'name' | 'address'>): Contact {
  return { id: node.id, name: node.name, host: node.address.host, port: node.address.port }
}
