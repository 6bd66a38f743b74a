import type { ServiceDefinition, ServiceReport } from '../../api/types.ts'
import type { ClusterView } from '../../cluster/view.ts'
import type { ValidationHandler } from '../../net/handshake.ts'

/** What a node does for the cluster: seen from the agent, whatever the roles are. */
export interface RoleHosting {
  /** What is agreed about this node now; undefined: it belongs to nobody, and does nothing. */
  update(view: ClusterView | undefined): void
  /** What roles that run here say of a node at the door: rules of the first validation. */
  readonly validation?: readonly ValidationHandler[]
  /** While the host role runs here. */
  readonly services: ServiceDirectory | undefined
  /** Hands nothing off: stop is not drain. */
  stop(done: () => void): void
}

export interface ServiceDirectory {
  register(definition: ServiceDefinition): void | Promise<void>
  deregister(id: string): void | Promise<void>
  list(): readonly ServiceReport[]
  reportCheck(report: {
    id: string
    status: 'passing' | 'warning' | 'critical'
    output: string
  }): void | Promise<void>
}

/** A role as the catalogue shows it. */
export interface CatalogRole {
  readonly name: string
  readonly description: string
  readonly provides: readonly string[]
  readonly requires: readonly string[]
  readonly needsForBootstrap: readonly string[]
}
