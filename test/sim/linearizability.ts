/**
 * Is a history of one register linearizable (Herlihy & Wing 1990)? The search of Wing & Gong with the
 * memory of Lowe (*Testing for linearizability*, 2017): try every operation that may come first, undo,
 * and never visit the same (set of operations done, value) twice. Registers are independent, so a
 * history is checked key by key.
 */

/** What one operation on a register did. Every write has a value of its own; null: no value. */
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

export interface RegisterOperation {
  readonly call: RegisterCall
  readonly invoked: number
  /** undefined: no answer was heard; it may have happened at any time since, or never. */
  readonly returned: number | undefined
}

export type Judgement =
  | { readonly ok: true }
  /** The longest order that could be found, and the operations that fit nowhere behind it. */
  | { readonly ok: false; readonly done: number; readonly stuck: readonly RegisterOperation[] }
  /** The search was given up; nothing is proved. */
  | { readonly ok: 'unknown' }

/** Steps of one search; histories of the simulator need some hundreds. */
const patience = 2_000_000

interface Moment {
  readonly operation: RegisterOperation
  readonly number: number
  readonly returns: boolean
  match: Moment | undefined
  previous: Moment | undefined
  next: Moment | undefined
}

export function checkRegister(operations: readonly RegisterOperation[]): Judgement {
  return new Search(operations).run()
}

/**
 * Three facts keep the search small. What leaves the value as it is (a read that fits, a refused swap)
 * can be taken at once and never regretted. A value that one operation alone writes must not be left
 * while somebody still has to see it. And a write that nobody answered for and nobody saw need not have
 * happened, unless a refused swap asks for a reason.
 */
class Search {
  readonly #operations: readonly RegisterOperation[]
  readonly #head: Moment
  readonly #done: Uint8Array
  readonly #visited = new Set<string>()
  readonly #path: {
    readonly moment: Moment
    readonly before: string | null
    readonly forced: boolean
  }[] = []
  /** For values that one operation alone writes: who still has to see them. */
  readonly #mustSee = new Map<string, number>()
  readonly #unseen = new Set<RegisterOperation>()
  #value: string | null = null
  #open: number

  constructor(operations: readonly RegisterOperation[]) {
    this.#operations = operations
    this.#head = timeline(operations)
    this.#done = new Uint8Array(operations.length)
    this.#open = operations.filter(o => o.returned !== undefined).length
    this.#countObservers()
  }

  run(): Judgement {
    let best = 0
    let stuck: RegisterOperation[] = []
    let at = this.#begin()
    for (let steps = 0; this.#open > 0; steps++) {
      if (steps > patience) return { ok: 'unknown' }
      if (at !== undefined && !at.returns) {
        at = this.#try(at) ? this.#begin() : at.next
        continue
      }
      // A return, or the end: everything that may come next was tried.
      if (this.#path.length >= best) {
        best = this.#path.length
        stuck = remaining(this.#head)
      }
      let last = this.#undo()
      while (last?.forced) last = this.#undo()
      if (last === undefined) return { ok: false, done: best, stuck }
      at = last.moment.next
    }
    return { ok: true }
  }

  /** Takes all that need not be regretted; then the first candidate for a choice. */
  #begin(): Moment | undefined {
    for (let at = this.#head.next; at !== undefined && !at.returns; ) {
      if (at.operation.returned !== undefined && this.#harmless(at.operation.call)) {
        this.#take(at, this.#value, true)
        at = this.#head.next
      } else at = at.next
    }
    return this.#head.next
  }

  #harmless(call: RegisterCall): boolean {
    if (call.kind === 'read') return call.saw === this.#value
    return call.kind === 'cas' && call.swapped === false && call.expected !== this.#value
  }

  #try(at: Moment): boolean {
    const { operation, number } = at
    const after = apply(operation, this.#value)
    if (after === undefined) return false
    if (this.#unseen.has(operation) && !this.#refusalNeedsReason()) return false
    if (after.value !== this.#value && this.#value !== null) {
      const left = this.#mustSee.get(this.#value) ?? 0
      if (left > (observes(operation.call, this.#value) ? 1 : 0)) return false
    }
    this.#done[number] = 1
    const seen = `${pack(this.#done)}|${after.value ?? ''}|${after.value === null}`
    this.#done[number] = 0
    if (this.#visited.has(seen)) return false
    this.#visited.add(seen)
    this.#take(at, after.value, false)
    return true
  }

  #take(moment: Moment, value: string | null, forced: boolean): void {
    this.#path.push({ moment, before: this.#value, forced })
    this.#done[moment.number] = 1
    this.#value = value
    this.#count(moment.operation, -1)
    lift(moment)
  }

  #undo(): { readonly moment: Moment; readonly forced: boolean } | undefined {
    const last = this.#path.pop()
    if (last === undefined) return undefined
    this.#done[last.moment.number] = 0
    this.#value = last.before
    this.#count(last.moment.operation, 1)
    unlift(last.moment)
    return last
  }

  #count(operation: RegisterOperation, by: number): void {
    if (operation.returned === undefined) return
    this.#open += by
    const observed = observedBy(operation.call)
    if (observed === null) return
    const count = this.#mustSee.get(observed)
    if (count !== undefined) this.#mustSee.set(observed, count + by)
  }

  #refusalNeedsReason(): boolean {
    for (let at = this.#head.next; at !== undefined && !at.returns; at = at.next) {
      const { call } = at.operation
      if (call.kind === 'cas' && call.swapped === false && call.expected === this.#value)
        return true
    }
    return false
  }

  #countObservers(): void {
    const writers = new Map<string, number>()
    const asked = new Set<string>()
    for (const { call } of this.#operations) {
      if (call.kind !== 'read' && call.value !== null)
        writers.set(call.value, (writers.get(call.value) ?? 0) + 1)
      if (call.kind === 'read' && call.saw !== null) asked.add(call.saw)
      if (call.kind === 'cas' && call.swapped !== false && call.expected !== null)
        asked.add(call.expected)
    }
    for (const [value, count] of writers) if (count === 1) this.#mustSee.set(value, 0)
    for (const operation of this.#operations) {
      const { call, returned } = operation
      const observed = observedBy(call)
      const count = observed === null ? undefined : this.#mustSee.get(observed)
      if (returned !== undefined && observed !== null && count !== undefined)
        this.#mustSee.set(observed, count + 1)
      if (
        returned === undefined &&
        call.kind !== 'read' &&
        call.value !== null &&
        !asked.has(call.value)
      )
        this.#unseen.add(operation)
    }
  }
}

/** The value that must be there for this call; null: none in particular. */
function observedBy(call: RegisterCall): string | null {
  if (call.kind === 'read') return call.saw
  return call.kind === 'cas' && call.swapped === true ? call.expected : null
}

function observes(call: RegisterCall, value: string): boolean {
  return observedBy(call) === value
}

/** The value after `operation` if it may happen at `value`; undefined: it may not. */
function apply(
  operation: RegisterOperation,
  value: string | null,
): { readonly value: string | null } | undefined {
  const { call } = operation
  switch (call.kind) {
    case 'read':
      return call.saw === value ? { value } : undefined
    case 'write':
      return { value: call.value }
    case 'cas': {
      const matches = call.expected === value
      if (call.swapped !== undefined && call.swapped !== matches) return undefined
      return { value: matches ? call.value : value }
    }
    default:
      return call satisfies never
  }
}

/** Calls and returns in order of time, as a list that calls can be taken out of and put back into. */
function timeline(operations: readonly RegisterOperation[]): Moment {
  const moments: { readonly time: number; readonly moment: Moment }[] = []
  operations.forEach((operation, number) => {
    const call = newMoment(operation, number, false)
    moments.push({ time: operation.invoked, moment: call })
    if (operation.returned === undefined) return
    const end = newMoment(operation, number, true)
    call.match = end
    moments.push({ time: operation.returned, moment: end })
  })
  // At the same instant calls go first: then the two overlap, which forbids less.
  moments.sort((a, b) => a.time - b.time || Number(a.moment.returns) - Number(b.moment.returns))
  const head = newMoment({ call: { kind: 'read', saw: null }, invoked: 0, returned: 0 }, -1, true)
  let last = head
  for (const { moment } of moments) {
    last.next = moment
    moment.previous = last
    last = moment
  }
  return head
}

function newMoment(operation: RegisterOperation, number: number, returns: boolean): Moment {
  return { operation, number, returns, match: undefined, previous: undefined, next: undefined }
}

function lift(call: Moment): void {
  for (const moment of [call, call.match]) {
    if (moment === undefined) continue
    moment.previous!.next = moment.next
    if (moment.next !== undefined) moment.next.previous = moment.previous
  }
}

function unlift(call: Moment): void {
  for (const moment of [call.match, call]) {
    if (moment === undefined) continue
    moment.previous!.next = moment
    if (moment.next !== undefined) moment.next.previous = moment
  }
}

function remaining(head: Moment): RegisterOperation[] {
  const out: RegisterOperation[] = []
  for (let at = head.next; at !== undefined; at = at.next) if (!at.returns) out.push(at.operation)
  return out
}

function pack(done: Uint8Array): string {
  let out = ''
  for (let i = 0; i < done.length; i += 16) {
    let word = 0
    for (let j = i; j < i + 16 && j < done.length; j++) word |= done[j]! << (j - i)
    out += String.fromCharCode(word)
  }
  return out
}
