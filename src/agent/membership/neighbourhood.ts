import type { Clock, Instant, Millis } from '../../base/time.ts'
import { Slices } from '../../cluster/slices.ts'
import type { Links } from '../../net/link-types.ts'
import type { HiveEvent } from '../../state/events.ts'
import { sliceSize } from '../../state/settings.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import type { Self } from '../self.ts'
import type { Watch } from '../watch.ts'

export interface NeighbourhoodParts {
  readonly self: Self
  readonly clock: Clock
  readonly links: Links
  readonly admin: Watch
  plane(): ControlPlane | undefined
  /** Some role wants to be told of the nodes that have this one. */
  isNeeded(role: string): boolean
}

/**
 * For nodes that carry the log: who is to keep whom, where everybody can be dialled, and which followers an
 * event concerns. In a large cluster most events concern a few dozen of them.
 */
export class Neighbourhood {
  readonly slices = new Slices()
  readonly #parts: NeighbourhoodParts

  constructor(parts: NeighbourhoodParts) {
    this.#parts = parts
  }

  /** `events` up to `index` are agreed; undefined: there may be more to it than events. */
  learn(plane: ControlPlane, index: number, events: readonly HiveEvent[] | undefined): void {
    const { self, links } = this.#parts
    const { cluster, nodes } = plane.state
    if (!cluster) return
    const local = events?.every(event => this.#isLocal(plane, event)) ?? false
    const scope = local ? 'nodes' : 'all'
    const changed = this.slices.learn(nodes, sliceSize(cluster.settings), index, scope)
    for (const { id, address } of changed) if (id !== self.id) links.setAddress(id, address)
  }

  /** Answers when `id` has something to learn beyond `version`, or after `patience`. */
  wait(id: string, version: number, patience: Millis, done: () => void): void {
    this.#until(this.#parts.clock.now() + patience, id, version, done)
  }

  restart(): void {
    this.slices.restart()
  }

  #until(deadline: Instant, id: string, version: number, done: () => void): void {
    const { admin, clock, plane } = this.#parts
    const left = deadline - clock.now()
    if (!plane() || left <= 0 || this.slices.version(id) > version) return done()
    const { current } = admin
    admin.wait(current, left, () => {
      // Woken though nothing is new: the house closes, or is full.
      if (admin.current === current) done()
      else this.#until(deadline, id, version, done)
    })
  }

  /** It says something of one node, which only that node and its neighbours need to know. */
  #isLocal(plane: ControlPlane, event: HiveEvent): boolean {
    const { voters, observers, nodes } = plane.state
    const about = (id: string) => {
      if (voters.includes(id) || observers.includes(id)) return false
      return !nodes.get(id)?.roles.some(role => this.#parts.isNeeded(role.name))
    }
    switch (event.type) {
      case 'NodeAdmitted':
        return about(event.data.node.id)
      case 'NodeReady':
      case 'NodeUpdated':
      case 'NodeDraining':
      case 'NodeDrainCancelled':
      case 'NodeDrained':
      case 'NodeFailed':
      case 'NodeLeaving':
      case 'CertificateIssued':
        return about(event.data.id)
      default:
        return false
    }
  }
}
