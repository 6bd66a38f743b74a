import { OperatorError } from '../../base/errors.ts'
import type { Trace } from '../../base/trace.ts'
import type { StorageFailure } from '../../store/types.ts'

/** The first thing that the disk refused. From then on this node has no vote and acknowledges nothing. */
export class StorageFault {
  readonly #trace: Trace
  #failure: StorageFailure | undefined

  constructor(trace: Trace) {
    this.#trace = trace
  }

  get failure(): StorageFailure | undefined {
    return this.#failure
  }

  report(failure: StorageFailure): void {
    if (this.#failure) return
    this.#failure = failure
    this.#trace.error(
      { kind: failure.kind },
      `storage failed: ${failure.message}; this node gives up its vote and acknowledges nothing more`,
    )
  }

  notices(name: string): readonly string[] {
    if (!this.#failure) return []
    const { kind, message } = this.#failure
    return [
      `${name}: storage ${kind}: ${message}; no vote and no writes until it is mended and the agent restarted`,
    ]
  }

  /** For writes that nobody waits for: one that fails is reported, and `otherwise` is the answer. */
  guard<T>(write: () => T, otherwise: T): T {
    try {
      return write()
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      this.report({ kind: 'io', message: error.message })
      return otherwise
    }
  }
}
