import type { NodeRecord } from '../../src/state/types.ts'

/** A ready node called `name`; `change` says what is different about it. */
export function node(name: string, change: Partial<NodeRecord> = {}): NodeRecord {
  return {
    id: `id-${name}`,
    name,
    address: { host: '10.0.0.1', port: 4483 },
    dc: 'dc1',
    version: '0.1.0',
    incarnation: 1,
    roles: [],
    phase: 'ready',
    before: null,
    drainDeadline: null,
    admittedAt: 1,
    changedAt: 1,
    ...change,
  }
}

export function nodesOf(...records: readonly NodeRecord[]): ReadonlyMap<string, NodeRecord> {
  return new Map(records.map(r => [r.id, r]))
}
