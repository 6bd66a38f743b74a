import { check } from './check.ts'
import type { Judgement, Model, Narrowing, Operation } from './model.ts'

/** What one operation on a list did. Every element is appended by one operation at most. */
export type ListCall =
  | { readonly kind: 'append'; readonly element: number }
  | { readonly kind: 'read'; readonly saw: readonly number[] }

export type ListOperation = Operation<ListCall>

/** A list that is appended to and read whole; it begins empty. A state is its elements with a comma behind each. */
export const list: Model<string, ListCall> = {
  initial: '',
  step: (state, call) =>
    call.kind === 'append'
      ? `${state}${call.element},`
      : written(call) === state
        ? state
        : undefined,
  name: state => state,
  observes: call => call.kind === 'read',
  show: call =>
    call.kind === 'append' ? `append ${call.element}` : `read [${call.saw.join(' ')}]`,
  narrow: operations => new Longest(operations),
}

export function checkList(operations: readonly ListOperation[]): Judgement<ListCall> {
  return check(list, operations)
}

/**
 * Lists only grow, so the longest that anybody saw says in which order its elements came: until then nothing else
 * may be appended. Behind it nobody has seen anything, so that an append without an answer need not have happened.
 */
class Longest implements Narrowing<string, ListCall> {
  readonly #longest: string

  constructor(operations: readonly ListOperation[]) {
    let longest = ''
    for (const { call, returned } of operations) {
      if (call.kind !== 'read' || returned === undefined) continue
      const saw = written(call)
      if (saw.length > longest.length) longest = saw
    }
    this.#longest = longest
  }

  count(): void {}

  promising(operation: ListOperation, state: string, after: string): boolean {
    if (operation.call.kind === 'read') return true
    if (state.length < this.#longest.length) return this.#longest.startsWith(after)
    return operation.returned !== undefined
  }
}

const texts = new WeakMap<ListCall, string>()

function written(call: ListCall & { kind: 'read' }): string {
  let text = texts.get(call)
  if (text === undefined) {
    text = call.saw.map(element => `${element},`).join('')
    texts.set(call, text)
  }
  return text
}
