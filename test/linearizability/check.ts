import { justInTime } from './just-in-time.ts'
import type { Judgement, Model, Operation } from './model.ts'
import { wingGong } from './wing-gong.ts'

/** Steps of one search; a key's history of some hundred operations needs some hundred. */
const patience = 2_000_000
/** Configurations at a time, when the search gave up. */
const configurations = 200_000

/**
 * Whether the history of one object is linearizable; objects are independent, so histories are checked one by one
 * (Herlihy & Wing's locality). Two algorithms, of which one mostly has an answer where the other has none.
 */
export function check<State, Call>(
  model: Model<State, Call>,
  operations: readonly Operation<Call>[],
): Judgement<Call> {
  const sorted = operations.toSorted((a, b) => a.invoked - b.invoked)
  const judgement = wingGong(model, sorted, patience)
  return judgement.ok === 'unknown' ? justInTime(model, sorted, configurations) : judgement
}
