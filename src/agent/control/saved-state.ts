import { OperatorError } from '../../base/errors.ts'
import { State } from '../../state/state.ts'
import type { Row } from '../../state/types.ts'
import { damagedRemedy } from '../../store/failure.ts'

/** The state that a disk has kept. Throws OperatorError SCHEMA: its file can be read, and what is in it makes no sense. */
export function savedState(rows: Iterable<Row>): State {
  try {
    return State.load(rows)
  } catch (error) {
    if (error instanceof OperatorError) throw error
    const why = error instanceof Error ? error.message : String(error)
    throw new OperatorError('SCHEMA', `state.db is damaged: ${why}`, damagedRemedy)
  }
}
