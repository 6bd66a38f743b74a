/** What one client asked, and when; times only have to be comparable. */
export interface Operation<Call> {
  /** With its answer, where there was one. */
  readonly call: Call
  readonly invoked: number
  /** undefined: no answer was heard; it may have happened at any time since, or never. */
  readonly returned: number | undefined
}

/** What an object may do when one thing happens after the other (its sequential specification). */
export interface Model<State, Call> {
  readonly initial: State
  /** The state after `call` had the answer that it had; undefined: at `state` it cannot have had it. */
  step(state: State, call: Call): State | undefined
  /** Two states are the same exactly when their names are. */
  name(state: State): string
  /** Whether a call with this answer leaves every state that allows it as it is. */
  observes(call: Call): boolean
  show(call: Call): string
  /** What is known of this history beforehand and keeps the search small; leaving it away changes no verdict. */
  narrow?(operations: readonly Operation<Call>[]): Narrowing<State, Call>
}

/** Follows a search through one history. */
export interface Narrowing<State, Call> {
  /** An operation was put into the order (-1) or taken out again (1). */
  count(operation: Operation<Call>, by: -1 | 1): void
  /**
   * False: an order that goes on from `state` with `operation` cannot be completed, or another can that goes
   * on otherwise. `candidates`: what else may come next.
   */
  promising(
    operation: Operation<Call>,
    state: State,
    after: State,
    candidates: () => Iterable<Operation<Call>>,
  ): boolean
}

export type Judgement<Call> =
  | { readonly ok: true }
  /** The longest order that could be found, and the operations that fit nowhere behind it. */
  | { readonly ok: false; readonly done: number; readonly stuck: readonly Operation<Call>[] }
  /** The search was given up; nothing is proved. */
  | { readonly ok: 'unknown' }
