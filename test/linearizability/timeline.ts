import type { Operation } from './model.ts'

/** The call or the return of an operation, in a list that calls can be taken out of and put back into. */
export interface Moment<Call> {
  readonly operation: Operation<Call>
  readonly number: number
  readonly returns: boolean
  match: Moment<Call> | undefined
  previous: Moment<Call> | undefined
  next: Moment<Call> | undefined
}

/** Calls and returns in order of time. At the same instant calls go first: then the two overlap, which forbids less. */
export function momentsOf<Call>(operations: readonly Operation<Call>[]): Moment<Call>[] {
  const moments: { readonly time: number; readonly moment: Moment<Call> }[] = []
  operations.forEach((operation, number) => {
    const call = newMoment(operation, number, false)
    moments.push({ time: operation.invoked, moment: call })
    if (operation.returned === undefined) return
    const end = newMoment(operation, number, true)
    call.match = end
    moments.push({ time: operation.returned, moment: end })
  })
  moments.sort((a, b) => a.time - b.time || Number(a.moment.returns) - Number(b.moment.returns))
  return moments.map(({ moment }) => moment)
}

/** The list's head, before the first moment. */
export function timeline<Call>(operations: readonly Operation<Call>[]): Moment<Call> {
  const nothing = { call: undefined as never, invoked: 0, returned: 0 }
  const head = newMoment<Call>(nothing, -1, true)
  let last = head
  for (const moment of momentsOf(operations)) {
    last.next = moment
    moment.previous = last
    last = moment
  }
  return head
}

export function lift<Call>(call: Moment<Call>): void {
  for (const moment of [call, call.match]) {
    if (moment === undefined) continue
    moment.previous!.next = moment.next
    if (moment.next !== undefined) moment.next.previous = moment.previous
  }
}

export function unlift<Call>(call: Moment<Call>): void {
  for (const moment of [call.match, call]) {
    if (moment === undefined) continue
    moment.previous!.next = moment
    if (moment.next !== undefined) moment.next.previous = moment
  }
}

/** Calls that may come next: those before the first return. */
export function* candidates<Call>(head: Moment<Call>): Iterable<Operation<Call>> {
  for (let at = head.next; at !== undefined && !at.returns; at = at.next) yield at.operation
}

export function remaining<Call>(head: Moment<Call>): Operation<Call>[] {
  const out: Operation<Call>[] = []
  for (let at = head.next; at !== undefined; at = at.next) if (!at.returns) out.push(at.operation)
  return out
}

function newMoment<Call>(
  operation: Operation<Call>,
  number: number,
  returns: boolean,
): Moment<Call> {
  return { operation, number, returns, match: undefined, previous: undefined, next: undefined }
}
