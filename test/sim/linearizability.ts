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
  const head = timeline(operations)
  const done = new Uint8Array(operations.length)
  const visited = new Set<string>()
  const path: { readonly moment: Moment; readonly before: string | null }[] = []
  let value: string | null = null
  let open = operations.filter(o => o.returned !== undefined).length
  let best = 0
  let stuck: RegisterOperation[] = []
  let at = head.next
  for (let steps = 0; open > 0; steps++) {
    if (steps > patience) return { ok: 'unknown' }
    if (at !== undefined && !at.returns) {
      const after = apply(at.operation, value)
      if (after !== undefined) {
        done[at.number] = 1
        const seen = `${pack(done)}|${after.value ?? ''}|${after.value === null}`
        if (!visited.has(seen)) {
          visited.add(seen)
          path.push({ moment: at, before: value })
          value = after.value
          if (at.operation.returned !== undefined) open--
          lift(at)
          at = head.next
          continue
        }
        done[at.number] = 0
      }
      at = at.next
      continue
    }
    // A return, or the end: everything that may come next was tried.
    if (path.length >= best) {
      best = path.length
      stuck = remaining(head)
    }
    const last = path.pop()
    if (last === undefined) return { ok: false, done: best, stuck }
    done[last.moment.number] = 0
    value = last.before
    if (last.moment.operation.returned !== undefined) open++
    unlift(last.moment)
    at = last.moment.next
  }
  return { ok: true }
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
