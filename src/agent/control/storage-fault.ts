import { OperatorError } from '../../base/errors.ts'
import type { Trace } from '../../base/trace.ts'
import type { StorageFailure } from '../../store/types.ts'

/** The first thing that the disk refused. From then on this node has no vote and acknowledges nothing. */
export class StorageFault {
  readonly #trace: Trace
  readonly #heard: (failure: StorageFailure) => void
  #failure: StorageFailure | undefined

  /** `heard`: called at the first one, which may be of another file than the log's. */
  constructor(trace: Trace, heard: (failure: StorageFailure) => void = () => {}) {
    this.#trace = trace
    this.#heard = heard
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
    this.#heard(failure)
  }

  /** A log that begins anew is on the disk, synced: it takes again what it refused. */
  mended(): void {
    this.#failure = undefined
  }

  notices(name: string): readonly string[] {
    if (!this.#failure) return []
    const { kind, message } = this.#failure
    return [
      `${name}: storage ${kind}: ${message}; no vote and no writes until it is mended and the agent restarted`,
    ]
  }

  /**
   * For writes that nobody waits for: one that fails is reported, and `otherwise` is the answer. What was to be written may
   * be wrong in itself, which is no fault of the disk.
   */
  guard<T>(write: () => T, otherwise: T): T {
    try {
      return write()
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      if (error.code === 'STORAGE' || error.code === 'SCHEMA')
        this.report({ kind: 'io', message: error.message })
      else this.#trace.warn({ code: error.code }, error.message)
      return otherwise
    }
  }
}
