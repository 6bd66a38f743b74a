import type { Random } from '../../src/base/random.ts'
import type { ListOperation } from './list.ts'
import type { RegisterOperation } from './register.ts'
import type { SetOperation } from './set.ts'

/** What histories are made of: clients that ask one after the other, and an object that answers at once. */
export interface Shape {
  readonly clients: number
  readonly operations: number
  /** Part of the operations that are never answered; half of them happen. */
  readonly lost: number
}

interface Slot {
  readonly invoked: number
  readonly returned: number | undefined
  readonly happens: boolean
}

/** Operations in the order in which they take effect, at an instant between call and return. */
function slots(dice: Random, { clients, operations, lost }: Shape): Slot[] {
  const out: { readonly at: number; readonly slot: Slot }[] = []
  const free = Array.from({ length: clients }, () => dice.next())
  for (let i = 0; i < operations; i++) {
    const client = dice.below(clients)
    const invoked = free[client]! + dice.next()
    const lasts = 0.2 + dice.next() * 3
    const at = invoked + dice.next() * lasts
    free[client] = invoked + lasts
    const answered = dice.next() >= lost
    const returned = answered ? invoked + lasts : undefined
    // Without an answer it may take effect long after.
    const late = answered ? at : at + dice.next() * 20
    out.push({ at: late, slot: { invoked, returned, happens: answered || dice.next() < 0.5 } })
  }
  return out.sort((a, b) => a.at - b.at).map(({ slot }) => slot)
}

/** A linearizable history of a register whose values are all different, as clients of a store make it. */
export function inventRegister(dice: Random, shape: Shape): RegisterOperation[] {
  let value: string | null = null
  let earlier: string | null = null
  return slots(dice, shape).map(({ invoked, returned, happens }, i) => {
    const roll = dice.next()
    const next = `v${i}`
    const before: string | null = value
    if (roll < 0.4 && returned !== undefined)
      return { call: { kind: 'read', saw: before }, invoked, returned }
    if (roll < 0.7) {
      if (happens) {
        earlier = before
        value = next
      }
      return { call: { kind: 'write', value: next }, invoked, returned }
    }
    const expected: string | null = dice.next() < 0.6 ? before : earlier
    const swapped = happens && expected === before
    if (swapped) {
      earlier = before
      value = next
    }
    const told = returned === undefined ? undefined : swapped
    return { call: { kind: 'cas', expected, value: next, swapped: told }, invoked, returned }
  })
}

export function inventList(dice: Random, shape: Shape): ListOperation[] {
  const elements: number[] = []
  return slots(dice, shape).map(({ invoked, returned, happens }, i) => {
    if (dice.next() < 0.4 && returned !== undefined)
      return { call: { kind: 'read', saw: [...elements] }, invoked, returned }
    if (happens) elements.push(i)
    return { call: { kind: 'append', element: i }, invoked, returned }
  })
}

export function inventSet(dice: Random, shape: Shape): SetOperation[] {
  return inventList(dice, shape).map(({ call, invoked, returned }) => ({
    call:
      call.kind === 'read'
        ? { kind: 'read', saw: new Set(call.saw) }
        : { kind: 'add', element: call.element },
    invoked,
    returned,
  }))
}
