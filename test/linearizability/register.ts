import { check } from './check.ts'
import type { Judgement, Model, Narrowing, Operation } from './model.ts'

/** What one operation on a register did. null: no value. */
export type RegisterCall =
  | { readonly kind: 'read'; readonly saw: string | null }
  | { readonly kind: 'write'; readonly value: string | null }
  /** `swapped`: undefined when nobody knows. */
  | {
      readonly kind: 'cas'
      readonly expected: string | null
      readonly value: string | null
      readonly swapped: boolean | undefined
    }

export type RegisterOperation = Operation<RegisterCall>

/** A register that is read, written and swapped; it begins without a value. */
export const register: Model<string | null, RegisterCall> = {
  initial: null,
  step(value, call) {
    switch (call.kind) {
      case 'read':
        return call.saw === value ? value : undefined
      case 'write':
        return call.value
      case 'cas': {
        const matches = call.expected === value
        if (call.swapped !== undefined && call.swapped !== matches) return undefined
        return matches ? call.value : value
      }
      default:
        return call satisfies never
    }
  },
  name: value => (value === null ? '' : `=${value}`),
  observes: call => call.kind === 'read' || (call.kind === 'cas' && call.swapped === false),
  show(call) {
    switch (call.kind) {
      case 'read':
        return `read ${call.saw ?? 'nothing'}`
      case 'write':
        return call.value === null ? 'delete' : `put ${call.value}`
      case 'cas': {
        const result = call.swapped === undefined ? '' : call.swapped ? ' swapped' : ' refused'
        return `cas ${call.expected ?? 'nothing'} → ${call.value ?? 'nothing'}${result}`
      }
      default:
        return call satisfies never
    }
  },
  narrow: operations => new Observers(operations),
}

export function checkRegister(operations: readonly RegisterOperation[]): Judgement<RegisterCall> {
  return check(register, operations)
}

/**
 * A value that one operation alone writes must not be left while somebody still has to see it. And a write that
 * nobody answered for and nobody saw need not have happened, unless a refused swap asks for a reason.
 */
class Observers implements Narrowing<string | null, RegisterCall> {
  /** For values that one operation alone writes: who still has to see them. */
  readonly #mustSee = new Map<string, number>()
  readonly #unseen = new Set<RegisterOperation>()

  constructor(operations: readonly RegisterOperation[]) {
    const writers = new Map<string, number>()
    const asked = new Set<string>()
    for (const { call } of operations) {
      const { written, wanted } = valuesOf(call)
      if (written !== null) writers.set(written, (writers.get(written) ?? 0) + 1)
      if (wanted !== null) asked.add(wanted)
    }
    for (const [value, count] of writers) if (count === 1) this.#mustSee.set(value, 0)
    for (const operation of operations) {
      this.count(operation, 1)
      const { written } = valuesOf(operation.call)
      const open = operation.returned === undefined
      if (open && written !== null && !asked.has(written)) this.#unseen.add(operation)
    }
  }

  count(operation: RegisterOperation, by: -1 | 1): void {
    if (operation.returned === undefined) return
    const observed = observedBy(operation.call)
    if (observed === null) return
    const count = this.#mustSee.get(observed)
    if (count !== undefined) this.#mustSee.set(observed, count + by)
  }

  promising(
    operation: RegisterOperation,
    value: string | null,
    after: string | null,
    candidates: () => Iterable<RegisterOperation>,
  ): boolean {
    if (this.#unseen.has(operation) && !refusalNeedsReason(value, candidates())) return false
    if (after === value || value === null) return true
    const left = this.#mustSee.get(value) ?? 0
    return left <= (observedBy(operation.call) === value ? 1 : 0)
  }
}

function refusalNeedsReason(
  value: string | null,
  candidates: Iterable<RegisterOperation>,
): boolean {
  for (const { call } of candidates) {
    if (call.kind === 'cas' && call.swapped === false && call.expected === value) return true
  }
  return false
}

/** The value that must be there for this call; null: none in particular. */
function observedBy(call: RegisterCall): string | null {
  if (call.kind === 'read') return call.saw
  return call.kind === 'cas' && call.swapped === true ? call.expected : null
}

function valuesOf(call: RegisterCall): { written: string | null; wanted: string | null } {
  switch (call.kind) {
    case 'read':
      return { written: null, wanted: call.saw }
    case 'write':
      return { written: call.value, wanted: null }
    case 'cas':
      return { written: call.value, wanted: call.swapped === false ? null : call.expected }
    default:
      return call satisfies never
  }
}
