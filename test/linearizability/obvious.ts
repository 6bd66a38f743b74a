import type { Model, Operation } from './model.ts'

/** Every order of the operations that respects time, tried one by one: slow, and plainly right. */
export function obvious<State, Call>(
  model: Model<State, Call>,
  operations: readonly Operation<Call>[],
): boolean {
  const search = (left: readonly Operation<Call>[], state: State): boolean => {
    if (left.every(o => o.returned === undefined)) return true
    const firstReturn = Math.min(...left.map(o => o.returned ?? Number.POSITIVE_INFINITY))
    return left.some(chosen => {
      if (chosen.invoked > firstReturn) return false
      const after = model.step(state, chosen.call)
      return (
        after !== undefined &&
        search(
          left.filter(o => o !== chosen),
          after,
        )
      )
    })
  }
  return search(operations, model.initial)
}
