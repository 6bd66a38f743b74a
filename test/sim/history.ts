import {
  checkRegister,
  type RegisterCall,
  type RegisterOperation,
  register,
} from '../linearizability/register.ts'

/** An operation on one key, by one client through one node. */
export interface KvOperation {
  readonly number: number
  readonly node: string
  readonly key: string
  /** What the client wants; a read's `saw` and a swap's `swapped` are filled in by the answer. */
  call: RegisterCall
  readonly invoked: number
  returned: number | undefined
  /** `fail`: certainly without effect. `unknown`: no answer, or one that does not say. */
  outcome: 'open' | 'ok' | 'fail' | 'unknown'
  /** Raft index that the answer named: of the write, or of what was read. */
  index: number | undefined
}

/** Every operation of a run, by key. */
export class History {
  readonly #byKey = new Map<string, KvOperation[]>()
  #next = 1
  readonly counts = { ok: 0, fail: 0, unknown: 0 }

  invoke(node: string, key: string, call: RegisterCall, now: number): KvOperation {
    const operation: KvOperation = {
      number: this.#next++,
      node,
      key,
      call,
      invoked: now,
      returned: undefined,
      outcome: 'open',
      index: undefined,
    }
    const list = this.#byKey.get(key)
    if (list === undefined) this.#byKey.set(key, [operation])
    else list.push(operation)
    return operation
  }

  /** The answer came; true unless it came after the client had given up. */
  settle(
    operation: KvOperation,
    now: number,
    outcome: 'ok' | 'fail' | 'unknown',
    answer: { call?: RegisterCall; index?: number } = {},
  ): boolean {
    if (operation.outcome !== 'open') return false
    operation.outcome = outcome
    operation.returned = now
    operation.call = answer.call ?? operation.call
    operation.index = answer.index
    this.counts[outcome]++
    return true
  }

  get size(): number {
    return this.#next - 1
  }

  all(): KvOperation[] {
    return [...this.#byKey.values()].flat()
  }

  /** What is wrong with this history; empty: every key's is linearizable. */
  problems(): string[] {
    const problems: string[] = []
    for (const [key, operations] of this.#byKey) {
      const problem = judge(key, operations)
      if (problem !== undefined) problems.push(problem)
    }
    return problems
  }
}

function judge(key: string, operations: readonly KvOperation[]): string | undefined {
  const judged: RegisterOperation[] = []
  for (const { call, outcome, invoked, returned } of operations) {
    if (outcome === 'fail') continue
    if (call.kind === 'read') {
      if (outcome === 'ok') judged.push({ call, invoked, returned })
      continue
    }
    judged.push({ call, invoked, returned: outcome === 'ok' ? returned : undefined })
  }
  const judgement = checkRegister(judged)
  if (judgement.ok === true) return undefined
  if (judgement.ok === 'unknown') return `history of ${key}: too entangled to judge`
  const lines = operations
    .toSorted((a, b) => a.invoked - b.invoked)
    .map(
      o =>
        `    #${o.number} ${o.node} ${(o.invoked / 1000).toFixed(4)}–${o.returned === undefined ? '' : (o.returned / 1000).toFixed(4)} ${describe(o.call)} ${o.outcome}${o.index === undefined ? '' : ` @${o.index}`}`,
    )
  return `history of ${key} is not linearizable (${judgement.done} of ${judged.length} could be ordered; stuck before ${judgement.stuck
    .slice(0, 4)
    .map(o => describe(o.call))
    .join(', ')})\n${lines.join('\n')}`
}

export const describe = register.show
