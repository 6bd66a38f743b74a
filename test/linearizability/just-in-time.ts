import type { Judgement, Model, Operation } from './model.ts'
import { momentsOf } from './timeline.ts'

/**
 * Lowe's other algorithm (*Testing for linearizability*, 2017, §4): walk through the history once with all
 * configurations that may be the truth, and put an operation into the order only when one returns that needs it
 * (just in time). It shares nothing with the search of `wing-gong.ts` but the model, and is quick where that one
 * goes astray: when a wrong turn shows only much later.
 */
export function justInTime<State, Call>(
  model: Model<State, Call>,
  operations: readonly Operation<Call>[],
  /** Configurations at a time. */
  limit: number,
): Judgement<Call> {
  let now = new Configurations<State>(model)
  now.add(model.initial, 0n)
  const slots: (Operation<Call> | undefined)[] = []
  const slotOf = new Map<number, number>()
  let returned = 0
  for (const { operation, number, returns } of momentsOf(operations)) {
    if (!returns) {
      const free = slots.indexOf(undefined)
      const slot = free < 0 ? slots.length : free
      slots[slot] = operation
      slotOf.set(number, slot)
      continue
    }
    const slot = slotOf.get(number)!
    const next = new Configurations<State>(model)
    if (!advance(model, now, next, slots, slot, limit)) return { ok: 'unknown' }
    if (next.size === 0) {
      const stuck = [operation, ...slots.filter(o => o !== undefined && o !== operation)]
      return { ok: false, done: returned, stuck: stuck as Operation<Call>[] }
    }
    slots[slot] = undefined
    returned++
    now = next
  }
  return { ok: true }
}

/** Every configuration in which what is in `slot` has happened, and nothing more than it needs. False: too many. */
function advance<State, Call>(
  model: Model<State, Call>,
  from: Configurations<State>,
  to: Configurations<State>,
  slots: readonly (Operation<Call> | undefined)[],
  slot: number,
  limit: number,
): boolean {
  const bit = 1n << BigInt(slot)
  const seen = new Configurations<State>(model)
  const open: { readonly state: State; readonly taken: bigint }[] = []
  for (const { state, taken } of from) {
    if (taken & bit) to.add(state, taken ^ bit)
    else if (seen.add(state, taken)) open.push({ state, taken })
  }
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (seen.size + to.size > limit) return false
    for (let i = 0; i < slots.length; i++) {
      const operation = slots[i]
      const own = 1n << BigInt(i)
      if (operation === undefined || at.taken & own) continue
      const state = model.step(at.state, operation.call)
      if (state === undefined) continue
      const taken = at.taken | own
      if (i === slot) to.add(state, taken ^ bit)
      else if (seen.add(state, taken)) open.push({ state, taken })
    }
  }
  return true
}

/** States with the operations under way that have happened already, each pair once. */
class Configurations<State> {
  readonly #model: { name(state: State): string }
  readonly #all = new Map<string, { readonly state: State; readonly taken: bigint }>()

  constructor(model: { name(state: State): string }) {
    this.#model = model
  }

  get size(): number {
    return this.#all.size
  }

  /** False: it is there already. */
  add(state: State, taken: bigint): boolean {
    const name = `${taken.toString(36)}|${this.#model.name(state)}`
    if (this.#all.has(name)) return false
    this.#all.set(name, { state, taken })
    return true
  }

  [Symbol.iterator](): Iterator<{ readonly state: State; readonly taken: bigint }> {
    return this.#all.values()
  }
}
