import type { ListCall } from '../linearizability/list.ts'
import type { RegisterCall } from '../linearizability/register.ts'
import type { SetCall } from '../linearizability/set.ts'

export type Outcome = 'ok' | 'fail' | 'info'

/** One operation as a client saw it; `call` holds the answer where there was one. */
export interface Seen<Call> {
  readonly process: number
  readonly node: string
  readonly key: string
  readonly call: Call
  /** ms since the run began. */
  readonly invoked: number
  readonly returned: number
  readonly outcome: Outcome
  readonly why?: string
}

/**
 * All that clients were told. Lists and sets live in keys that are swapped as a whole, so each of their operations is
 * there twice: as what it is, and as the reads and swaps of a register that it was made of.
 */
export class History {
  readonly registers: Seen<RegisterCall>[] = []
  readonly lists: Seen<ListCall>[] = []
  readonly sets: Seen<SetCall>[] = []
  readonly counts: Record<Outcome, number> = { ok: 0, fail: 0, info: 0 }
  /** Acknowledged writes, in order of their answers. */
  readonly acknowledged: Acknowledged[] = []

  /** One answer of the store. */
  told(seen: Seen<RegisterCall>): void {
    this.registers.push(seen)
    this.counts[seen.outcome]++
    const { call, outcome, node, invoked, returned } = seen
    if (outcome !== 'ok' || call.kind === 'read') return
    if (call.kind === 'cas' && call.swapped !== true) return
    this.acknowledged.push({ node, invoked, returned })
  }
}

export interface Acknowledged {
  readonly node: string
  readonly invoked: number
  readonly returned: number
}
