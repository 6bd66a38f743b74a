import type { Outcome } from '../../state/types.ts'

/** How a proposal can end that the state has no say in. */

/** For certain nothing happened. */
export const notLeader: Outcome = {
  ok: false,
  code: 'NOT_LEADER',
  message: 'leadership moved while the request was under way',
  remedy: 'try again',
}

export const overloaded: Outcome = {
  ok: false,
  code: 'BUSY',
  message: 'more is waiting to be committed than fits the queue',
  remedy: 'try again in a moment',
}

/** Nobody knows. */
export const unknownOutcome: Outcome = {
  ok: false,
  code: 'TIMEOUT',
  message: 'not committed in time; it may still take effect',
  remedy: 'look whether it did before trying again',
}

export function tooNew(type: string, version: number): Outcome {
  return {
    ok: false,
    code: 'VERSION_MISMATCH',
    message: `${type} needs events of version ${version}, which not every control node reads yet`,
    remedy: 'finish the upgrade: hive doctor shows who runs an older hive',
  }
}
