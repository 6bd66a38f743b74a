import { OperatorError } from '../../base/errors.ts'
import {
  type CheckStatus,
  type ServiceDefinition,
  type ServiceReport,
  serviceLimits,
} from '../../base/service.ts'
import { reason } from '../lend.ts'
import type { Host } from '../role.ts'
import { type Listener, type Origin, RunningService } from './service.ts'

/** What the agent's API does with the services of this node. */
export interface ServiceDirectory {
  /** Adds or replaces; durable when it resolves. Rejects with OperatorError. */
  register(definition: ServiceDefinition): Promise<void>
  /** Rejects with NOT_FOUND. */
  deregister(id: string): Promise<void>
  list(): readonly ServiceReport[]
  /** A TTL check's result. Rejects with NOT_FOUND, or BAD_REQUEST when it is none. */
  reportCheck(report: { id: string; status: CheckStatus; output: string }): Promise<void>
  /** While draining, every service is shown as critical, so that names stop pointing here. */
  drain(draining: boolean): void
  /** Everything that this host publishes. */
  document(): HostDocument
}

/** `seq` rises by one with each change that others should hear of; only this host raises it. */
export interface HostDocument {
  readonly version: { readonly epoch: number; readonly incarnation: number; readonly seq: number }
  readonly services: readonly ServiceReport[]
}

/** Where the numbers come from that order documents of one host over restarts. */
export interface Identity {
  epoch(): number
  incarnation(): number
}

/** What registrations made through the API are remembered under, with their id behind it. */
export const memoryPrefix = 'service:'

export class Services implements ServiceDirectory, Listener {
  readonly #identity: Identity
  readonly #services = new Map<string, RunningService>()
  /** Whose each check is: reports name a check by its id alone. */
  readonly #ofCheck = new Map<string, RunningService>()
  #host: Host | undefined
  #draining = false
  #version: HostDocument['version']

  constructor(identity: Identity) {
    this.#identity = identity
    this.#version = { epoch: identity.epoch(), incarnation: identity.incarnation(), seq: 0 }
  }

  /** The role runs: services can be registered. */
  open(host: Host): void {
    this.#host = host
  }

  /** The role stops: nothing is published any more, and what came through the API is forgotten. */
  async close(): Promise<void> {
    const ids = [...this.#services.values()]
      .filter(isFromApi)
      .map(({ definition }) => definition.id)
    for (const service of this.#services.values()) {
      service.end()
      service.forget()
    }
    if (this.#services.size > 0) this.#raise()
    this.#services.clear()
    this.#ofCheck.clear()
    const host = this.#host
    this.#host = undefined
    await Promise.all(ids.map(id => host?.remember(memoryPrefix + id, undefined)))
  }

  async register(definition: ServiceDefinition): Promise<void> {
    const host = this.#opened()
    const { id } = definition
    const conflict = this.conflict(definition, { from: 'api' })
    if (conflict !== undefined) {
      throw new OperatorError('REFUSED', conflict, 'change it there, or choose another id')
    }
    if (!this.#services.has(id) && this.#services.size >= serviceLimits.services) {
      throw new OperatorError(
        'TOO_LARGE',
        `this node has ${serviceLimits.services} services already, which is the limit`,
        'deregister some first: hive service list',
      )
    }
    await keep(host, id, definition)
    this.take(definition, { from: 'api' })
  }

  async deregister(id: string): Promise<void> {
    const host = this.#opened()
    const service = this.#services.get(id)
    if (service === undefined) throw notFound(`service "${id}"`, 'hive service list')
    if (!isFromApi(service)) {
      throw new OperatorError('REFUSED', ownedElsewhere(service), 'take it out there')
    }
    await keep(host, id, undefined)
    this.drop(id)
  }

  async reportCheck(report: { id: string; status: CheckStatus; output: string }): Promise<void> {
    this.#opened()
    const service = this.#ofCheck.get(report.id)
    const check = service?.check(report.id)
    if (!service || !check) throw notFound(`check "${report.id}"`, 'GET /v1/agent/checks')
    if (check.definition.kind !== 'ttl') {
      throw new OperatorError(
        'BAD_REQUEST',
        `the check "${report.id}" is run by the agent itself`,
        'only TTL checks take reports',
      )
    }
    service.reported(check, report.status, report.output)
  }

  list(): readonly ServiceReport[] {
    const ids = [...this.#services.keys()].sort()
    return ids.map(id => this.#services.get(id)!.report(this.#draining))
  }

  drain(draining: boolean): void {
    if (this.#draining === draining) return
    this.#draining = draining
    if (this.#services.size > 0) this.#raise()
  }

  document(): HostDocument {
    return { version: this.#version, services: this.list() }
  }

  /**
   * Why a definition cannot be taken: somebody else owns its id, or one of its checks' ids (a report
   * names a check by its id alone). What a file says goes before what came through the API.
   */
  conflict(definition: ServiceDefinition, origin: Origin): string | undefined {
    const before = this.#services.get(definition.id)
    if (before && !isFromApi(before) && !sameOrigin(before.origin, origin))
      return ownedElsewhere(before)
    for (const { id } of definition.checks) {
      const owner = this.#ofCheck.get(id)
      if (owner && owner !== before)
        return `the check id "${id}" belongs to service "${owner.definition.id}"`
    }
    return undefined
  }

  /** Adds, or replaces what differs; leaves things as they are where there is a conflict. */
  take(definition: ServiceDefinition, origin: Origin): void {
    const host = this.#opened()
    if (this.conflict(definition, origin) !== undefined) return
    const before = this.#services.get(definition.id)
    const same = before !== undefined && sameOrigin(before.origin, origin)
    if (same && isSame(before.definition, definition)) return
    if (before) this.#release(before)
    const service = new RunningService(definition, origin, host, this)
    this.#services.set(definition.id, service)
    for (const { id } of definition.checks) this.#ofCheck.set(id, service)
    this.#raise()
  }

  drop(id: string): void {
    const service = this.#services.get(id)
    if (service === undefined) return
    this.#release(service)
    service.forget()
    this.#raise()
  }

  #release(service: RunningService): void {
    service.end()
    this.#services.delete(service.definition.id)
    for (const { id } of service.definition.checks) this.#ofCheck.delete(id)
  }

  /** Ids that came from this file. */
  fromFile(path: string): readonly string[] {
    return [...this.#services.values()]
      .filter(({ origin }) => origin.from === 'file' && origin.path === path)
      .map(({ definition }) => definition.id)
  }

  changed(): void {
    this.#raise()
  }

  gaveUp(service: RunningService): void {
    const { id } = service.definition
    if (!isFromApi(service) || this.#services.get(id) !== service) return
    this.#host?.trace(`service ${id} was critical for too long and is deregistered`)
    this.drop(id)
    if (this.#host) keep(this.#host, id, undefined).catch(error => this.#host?.trace(reason(error)))
  }

  #raise(): void {
    const [epoch, incarnation] = [this.#identity.epoch(), this.#identity.incarnation()]
    this.#version = { epoch, incarnation, seq: this.#version.seq + 1 }
  }

  #opened(): Host {
    if (this.#host !== undefined) return this.#host
    throw new OperatorError(
      'REFUSED',
      'the role host does not run on this node, so it holds no services',
      'give it the role first: hive role assign NODE host',
    )
  }
}

/** Rejects with STORAGE when it cannot be made durable. */
async function keep(
  host: Host,
  id: string,
  definition: ServiceDefinition | undefined,
): Promise<void> {
  try {
    await host.remember(memoryPrefix + id, definition)
  } catch (error) {
    throw new OperatorError(
      'STORAGE',
      `the service "${id}" cannot be kept: ${reason(error)}`,
      'make room on the disk of the data directory and try again',
    )
  }
}

function isSame(a: ServiceDefinition, b: ServiceDefinition): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

function isFromApi({ origin }: RunningService): boolean {
  return origin.from === 'api'
}

function sameOrigin(a: Origin, b: Origin): boolean {
  return a.from === b.from && (a.from !== 'file' || b.from !== 'file' || a.path === b.path)
}

function ownedElsewhere({ definition, origin }: RunningService): string {
  const where = origin.from === 'file' ? origin.path : 'the configuration'
  return `the service "${definition.id}" is defined in ${where}`
}

function notFound(what: string, how: string): OperatorError {
  return new OperatorError(
    'NOT_FOUND',
    `there is no ${what} on this node`,
    `${how} shows what there is`,
  )
}
