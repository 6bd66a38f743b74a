import { check } from './check.ts'
import type { Judgement, Model, Narrowing, Operation } from './model.ts'

/** What one operation on a set did. Every element is added by one operation at most. */
export type SetCall =
  | { readonly kind: 'add'; readonly element: number }
  | { readonly kind: 'read'; readonly saw: ReadonlySet<number> }

export type SetOperation = Operation<SetCall>

/** A set that is added to and read whole; it begins empty. */
export const set: Model<ReadonlySet<number>, SetCall> = {
  initial: new Set(),
  step(state, call) {
    if (call.kind === 'add') return new Set(state).add(call.element)
    const same = call.saw.size === state.size && [...call.saw].every(one => state.has(one))
    return same ? state : undefined
  },
  name: state => [...state].sort((a, b) => a - b).join(','),
  observes: call => call.kind === 'read',
  show: call =>
    call.kind === 'add' ? `add ${call.element}` : `read #{${[...call.saw].join(' ')}}`,
  narrow: operations => new Absent(operations),
}

export function checkSet(operations: readonly SetOperation[]): Judgement<SetCall> {
  return check(set, operations)
}

/**
 * Sets only grow: what is added must wait while somebody still has to see the set without it, and what nobody
 * answered for and nobody saw need not have happened.
 */
class Absent implements Narrowing<ReadonlySet<number>, SetCall> {
  /** How many reads that saw the element, and how many of any kind, are still to come. */
  readonly #present = new Map<number, number>()
  readonly #seen = new Set<number>()
  #reads = 0

  constructor(operations: readonly SetOperation[]) {
    for (const operation of operations) {
      this.count(operation, 1)
      if (operation.call.kind === 'read' && operation.returned !== undefined)
        for (const element of operation.call.saw) this.#seen.add(element)
    }
  }

  count({ call, returned }: SetOperation, by: -1 | 1): void {
    if (call.kind !== 'read' || returned === undefined) return
    this.#reads += by
    for (const element of call.saw)
      this.#present.set(element, (this.#present.get(element) ?? 0) + by)
  }

  promising({ call, returned }: SetOperation): boolean {
    if (call.kind === 'read') return true
    if (returned === undefined && !this.#seen.has(call.element)) return false
    return (this.#present.get(call.element) ?? 0) === this.#reads
  }
}
