import type { Clock } from '../base/time.ts'
import { type ClusterView, viewFor } from '../cluster/view.ts'
import type { Links } from '../net/link-types.ts'
import type { HiveEvent } from '../state/events.ts'
import type { ControlPlane } from './control/control-plane.ts'
import { sourceOf } from './desk/membership.ts'
import { trustFor } from './desk/trust.ts'
import { Neighbourhood } from './membership/neighbourhood.ts'
import type { CatalogRole } from './roles/role-hosting.ts'
import type { Self } from './self.ts'
import type { Security } from './trust/security.ts'
import { Watch } from './watch.ts'

export interface PictureParts {
  readonly self: Self
  readonly clock: Clock
  readonly links: Links
  readonly security: Security | undefined
  readonly roleCatalog: readonly CatalogRole[]
  plane(): ControlPlane | undefined
}

/**
 * Where this node carries the log: the agreed picture, as each node is to see it, and whoever waits for it to change.
 */
export class Picture {
  /** Bumped with the index of each administrative event. */
  readonly admin: Watch
  /** Bumped with the index of whatever is applied. */
  readonly applied: Watch
  readonly neighbourhood: Neighbourhood
  readonly #parts: PictureParts

  constructor(parts: PictureParts) {
    const { self, clock, links, roleCatalog } = parts
    this.#parts = parts
    this.admin = new Watch(clock)
    this.applied = new Watch(clock)
    this.neighbourhood = new Neighbourhood({
      ...{ self, clock, links, admin: this.admin },
      plane: () => parts.plane(),
      isNeeded: role => roleCatalog.some(r => r.needsForBootstrap.includes(role)),
    })
  }

  /** What that node needs to know, secrets of members included if it is one; undefined: nothing is agreed here. */
  of(id: string): ClusterView | undefined {
    const { security } = this.#parts
    const plane = this.#parts.plane()
    if (!plane) return undefined
    const source = {
      ...sourceOf(plane),
      version: this.admin.current,
      slices: this.neighbourhood.slices,
      needs: (role: string) => this.needs(role),
    }
    const view = viewFor(source, id, plane.leader())
    if (!view?.self || !security) return view
    const ids = [...view.control, ...view.members].map(c => c.id)
    const trust = trustFor(security, plane, ids)
    return trust ? { ...view, trust } : view
  }

  /** Roles whose nodes that role wants to know of. */
  needs(role: string): readonly string[] {
    return this.#parts.roleCatalog.find(r => r.name === role)?.needsForBootstrap ?? []
  }

  /** Administrative events up to `index` are agreed; `events` undefined: there may be more to it than events. */
  learn(plane: ControlPlane, index: number, events: readonly HiveEvent[] | undefined): void {
    this.neighbourhood.learn(plane, index, events)
    this.admin.bump(index)
  }

  /** The log is another one from now on, or none. */
  restart(): void {
    this.neighbourhood.restart()
    this.admin.restart()
    this.applied.restart()
  }

  /** Whoever waits is answered. */
  stop(): void {
    this.admin.stop()
    this.applied.stop()
  }
}
