import {
  type CheckDefinition,
  type CheckReport,
  type CheckStatus,
  serviceLimits,
} from '../../base/service.ts'

/**
 * What is known of one check (Consul's rules): critical until the first result unless the definition
 * says otherwise, and only so many results in a row change it for the better or for the worse.
 */
export class CheckState {
  readonly definition: CheckDefinition
  #status: CheckStatus
  #output = ''
  #successes = 0
  #failures = 0

  constructor(definition: CheckDefinition) {
    this.definition = definition
    this.#status = definition.initial ?? 'critical'
  }

  get status(): CheckStatus {
    return this.#status
  }

  /** One more result; true: the status changed. */
  result(status: CheckStatus, output: string): boolean {
    const { successesNeeded = 1, failuresNeeded = 1 } = this.definition
    const failed = status === 'critical'
    this.#failures = failed ? this.#failures + 1 : 0
    this.#successes = failed ? 0 : this.#successes + 1
    this.#output = output.slice(0, serviceLimits.outputChars)
    if (failed ? this.#failures < failuresNeeded : this.#successes < successesNeeded) return false
    const changed = this.#status !== status
    this.#status = status
    return changed
  }

  /** What was last known, before a restart. */
  restore(status: CheckStatus, output: string): void {
    this.#status = status
    this.#output = output
  }

  /** Nothing was heard for longer than was promised. */
  expire(): boolean {
    const last = this.#output === '' ? '' : ` (last: ${this.#output})`
    this.#failures = Number.MAX_SAFE_INTEGER - 1
    return this.result('critical', `TTL expired${last}`)
  }

  report(): CheckReport {
    const { id, name } = this.definition
    return { id, name, status: this.#status, output: this.#output }
  }
}

const order: readonly CheckStatus[] = ['passing', 'warning', 'critical']

/** Passing when there is none. */
export function worst(statuses: Iterable<CheckStatus>): CheckStatus {
  let found = 0
  for (const status of statuses) found = Math.max(found, order.indexOf(status))
  return order[found]!
}
