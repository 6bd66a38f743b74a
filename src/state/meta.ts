import type { EpochMillis } from '../base/time.ts'
import type { NodeId } from './events.ts'
import { Table } from './table.ts'

export interface VoterReplacement {
  readonly id: NodeId
  readonly by: NodeId
  readonly seq: number
  readonly time: EpochMillis
}

/** Single facts, a row each. */
export interface Facts {
  /** How far, and the wall time of the last event on the way. */
  applied: { readonly index: number; readonly term: number; readonly time: EpochMillis }
  /** Who votes and who only follows, as the last complete configuration says; sorted. */
  control: { readonly voters: readonly NodeId[]; readonly observers: readonly NodeId[] }
  /** Present: the entry that this build cannot read. */
  stopped: { readonly at: number; readonly type: string; readonly needs: number }
  /** The gossip key under which nodes send. */
  gossip: { readonly primary: number }
  /** Which dead voter gave its vote to whom, the last time that the control plane decided so. */
  replacement: VoterReplacement
  /** The entry from which each epoch counts, oldest first. */
  epochs: readonly { readonly epoch: number; readonly from: number }[]
}

export class Meta extends Table<unknown> {
  constructor() {
    super('meta')
  }

  fact<K extends keyof Facts>(key: K): Facts[K] | undefined {
    return this.get(key) as Facts[K] | undefined
  }

  note<K extends keyof Facts>(key: K, value: Facts[K]): void {
    this.set(key, value)
  }
}
