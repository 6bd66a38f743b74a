import type { Hello } from '../net/handshake.ts'
import { eventsVersion, ungatedEvents } from '../state/events.ts'
import type { ControlPlane } from './control/control-plane.ts'

/**
 * Which version of events every node that carries the log reads. A node says it with its hello; once all of them read
 * more than is agreed, the leader has the new version agreed, and only then are such events proposed. So a cluster is
 * upgraded node by node: nobody ever meets an event that it cannot read.
 */
export class Levels {
  readonly reads: number
  readonly #self: () => string
  readonly #read = new Map<string, number>()

  /** `reads`: the version of events that this build reads. */
  constructor(self: () => string, reads: number = eventsVersion) {
    this.#self = self
    this.reads = reads
  }

  /** What this build says of itself. */
  get proof(): { readonly events: string } {
    return { events: String(this.reads) }
  }

  /** A node that says nothing is of a time before anybody did. */
  met({ id, proof }: Pick<Hello, 'id' | 'proof'>): void {
    const said = Number(proof.events)
    this.#read.delete(id)
    this.#read.set(id, Number.isSafeInteger(said) && said > 0 ? said : ungatedEvents)
    if (this.#read.size > maxNodes) this.#read.delete(this.#read.keys().next().value!)
  }

  /** The most that all of them read; undefined: one of them was not met yet. */
  common(ids: readonly string[]): number | undefined {
    let least = this.reads
    for (const id of ids) {
      const reads = id === this.#self() ? this.reads : this.#read.get(id)
      if (reads === undefined) return undefined
      least = Math.min(least, reads)
    }
    return least
  }

  /**
   * The leader's part; undefined: nothing new can be agreed. Who is about to carry the log counts: the configuration
   * that adds a node holds for what is proposed after it.
   */
  due(plane: ControlPlane): number | undefined {
    const { cluster } = plane.state
    if (!cluster) return undefined
    const common = this.common([...plane.carriers])
    return common !== undefined && common > (cluster.events ?? ungatedEvents) ? common : undefined
  }

  /** A node that was met does not read all that is agreed. */
  tooOld(id: string, { state }: ControlPlane): boolean {
    const reads = this.common([id])
    return reads !== undefined && reads < (state.cluster?.events ?? ungatedEvents)
  }
}

/** Far more than carry a log. */
const maxNodes = 4096
