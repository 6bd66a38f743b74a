import type { Judgement, Model, Narrowing, Operation } from './model.ts'
import { candidates, lift, type Moment, remaining, timeline, unlift } from './timeline.ts'

/**
 * Is a history linearizable (Herlihy & Wing 1990)? The search of Wing & Gong (1993) with the memory of Lowe
 * (*Testing for linearizability*, 2017): try every operation that may come first, undo, and never visit the
 * same (set of operations done, state) twice. What observes and fits is taken at once and never regretted.
 */
export function wingGong<State, Call>(
  model: Model<State, Call>,
  operations: readonly Operation<Call>[],
  patience: number,
): Judgement<Call> {
  return new Search(model, operations).run(patience)
}

interface Taken<State, Call> {
  readonly moment: Moment<Call>
  readonly before: State
  readonly forced: boolean
}

class Search<State, Call> {
  readonly #model: Model<State, Call>
  readonly #narrowing: Narrowing<State, Call> | undefined
  readonly #head: Moment<Call>
  readonly #done: DoneSet
  readonly #visited = new Set<string>()
  readonly #path: Taken<State, Call>[] = []
  #state: State
  /** Operations with an answer that have no place yet. */
  #open: number

  constructor(model: Model<State, Call>, operations: readonly Operation<Call>[]) {
    this.#model = model
    this.#narrowing = model.narrow?.(operations)
    this.#head = timeline(operations)
    this.#done = new DoneSet(operations.length)
    this.#state = model.initial
    this.#open = operations.filter(o => o.returned !== undefined).length
  }

  run(patience: number): Judgement<Call> {
    let best = 0
    let stuck: Operation<Call>[] = []
    let at = this.#begin()
    for (let steps = 0; this.#open > 0; steps++) {
      if (steps > patience) return { ok: 'unknown' }
      if (at !== undefined && !at.returns) {
        at = this.#try(at) ? this.#begin() : at.next
        continue
      }
      // A return, or the end: everything that may come next was tried.
      if (this.#path.length > best || stuck.length === 0) {
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
  #begin(): Moment<Call> | undefined {
    for (let at = this.#head.next; at !== undefined && !at.returns; ) {
      const { call, returned } = at.operation
      const fits =
        returned !== undefined &&
        this.#model.observes(call) &&
        this.#model.step(this.#state, call) !== undefined
      if (fits) {
        this.#take(at, this.#state, true)
        // Its return is gone, too, and may have hidden others.
        at = this.#head.next
      } else at = at.next
    }
    return this.#head.next
  }

  #try(at: Moment<Call>): boolean {
    const { operation, number } = at
    const after = this.#model.step(this.#state, operation.call)
    if (after === undefined) return false
    const all = () => candidates(this.#head)
    if (this.#narrowing?.promising(operation, this.#state, after, all) === false) return false
    const seen = `${this.#done.with(number)}|${this.#model.name(after)}`
    if (this.#visited.has(seen)) return false
    this.#visited.add(seen)
    this.#take(at, after, false)
    return true
  }

  #take(moment: Moment<Call>, after: State, forced: boolean): void {
    this.#path.push({ moment, before: this.#state, forced })
    this.#done.flip(moment.number)
    this.#state = after
    this.#count(moment.operation, -1)
    lift(moment)
  }

  #undo(): Taken<State, Call> | undefined {
    const last = this.#path.pop()
    if (last === undefined) return undefined
    this.#done.flip(last.moment.number)
    this.#state = last.before
    this.#count(last.moment.operation, 1)
    unlift(last.moment)
    return last
  }

  #count(operation: Operation<Call>, by: -1 | 1): void {
    if (operation.returned !== undefined) this.#open += by
    this.#narrowing?.count(operation, by)
  }
}

/**
 * Which operations are done, with a name for it. Operations are numbered in order of their calls, nearly all
 * early ones are done and nearly no late one is, so only the words between are written out.
 */
class DoneSet {
  readonly #words: Uint16Array
  readonly #full: Uint16Array

  constructor(size: number) {
    this.#words = new Uint16Array(Math.ceil(size / 16))
    this.#full = this.#words.map((_, i) => (1 << Math.min(16, size - i * 16)) - 1)
  }

  flip(number: number): void {
    this.#words[number >> 4]! ^= 1 << (number & 15)
  }

  with(number: number): string {
    this.flip(number)
    let from = 0
    while (from < this.#words.length && this.#words[from] === this.#full[from]) from++
    let to = this.#words.length
    while (to > from && this.#words[to - 1] === 0) to--
    const name = `${from}:${String.fromCharCode(...this.#words.subarray(from, to))}`
    this.flip(number)
    return name
  }
}
