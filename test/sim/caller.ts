import type { Backend } from '../../src/api/types.ts'
import type { Cluster, Process, SimulatedNode } from './cluster.ts'

/** How a call ended. `gone`: the process died first, or the caller lost patience; nobody knows. */
export type CallResult<T> =
  | { readonly how: 'answered'; readonly value: T }
  | { readonly how: 'refused'; readonly error: unknown }
  | { readonly how: 'gone' }

interface Pending {
  readonly what: string
  readonly settle: (result: CallResult<never>) => void
}

/** No method of Backend blocks for ever; one that has not answered by then is a bug, ms. */
const answerWithin = 150_000

/** Calls agents as the API would, and hears of each call's end exactly once. */
export class Caller {
  readonly #cluster: Cluster
  readonly #pending = new Map<Process, Set<Pending>>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    cluster.onEnd.push((_node, process) => {
      const calls = this.#pending.get(process)
      this.#pending.delete(process)
      for (const call of calls ?? []) call.settle({ how: 'gone' })
    })
  }

  /** Some call has not ended yet. */
  get busy(): boolean {
    return [...this.#pending.values()].some(calls => calls.size > 0)
  }

  call<T>(
    node: SimulatedNode,
    what: string,
    invoke: (backend: Backend) => Promise<T>,
    done: (result: CallResult<T>) => void,
  ): void {
    const { simulation } = this.#cluster
    const { process } = node
    if (process === undefined) {
      simulation.after(1, () => done({ how: 'gone' }))
      return
    }
    let settled = false
    const settle = (result: CallResult<T>): void => {
      if (settled) return
      settled = true
      overdue.cancel()
      this.#pending.get(process)?.delete(pending)
      done(result)
    }
    const pending: Pending = { what, settle }
    // Scheduled for the process, so that time in which it is frozen does not count against it.
    const overdue = simulation.after(
      answerWithin,
      () =>
        simulation.fail(new Error(`${node.name} has not answered for ${answerWithin} ms: ${what}`)),
      process.life,
    )
    const calls = this.#pending.get(process)
    if (calls === undefined) this.#pending.set(process, new Set([pending]))
    else calls.add(pending)
    simulation.enter(process.life, () => {
      promised(() => invoke(process.agent.backend)).then(
        value => settle({ how: 'answered', value }),
        (error: unknown) => settle({ how: 'refused', error }),
      )
    })
  }
}

/** As the API calls it: inside an async function, where a throw is a rejection. */
async function promised<T>(invoke: () => Promise<T>): Promise<T> {
  return invoke()
}
