import { hash } from '../../base/random.ts'
import type { CheckStatus, ServiceDefinition, ServiceReport } from '../../base/service.ts'
import type { Millis } from '../../base/time.ts'
import type { Host } from '../role.ts'
import { CheckState, worst } from './check-state.ts'
import { forgetReport, keepReport, recallReport } from './last-report.ts'
import { probe } from './probe.ts'

/** Who registered a service: a file (its path), the configuration, or somebody through the API. */
export type Origin =
  | { readonly from: 'api' | 'config' }
  | { readonly from: 'file'; readonly path: string }

/** First looks are spread over this, ms, and all others over their interval, so that many checks do not come in bursts. */
const spread: Millis = 1000

/** One registered service with its checks running, until `end`. */
export class RunningService {
  readonly definition: ServiceDefinition
  readonly origin: Origin
  readonly #host: Host
  readonly #checks: readonly CheckState[]
  readonly #timers = new Map<string, { cancel(): void }>()
  readonly #heard: Listener

  constructor(definition: ServiceDefinition, origin: Origin, host: Host, heard: Listener) {
    this.definition = definition
    this.origin = origin
    this.#host = host
    this.#heard = heard
    this.#checks = definition.checks.map(check => new CheckState(check))
    for (const check of this.#checks) {
      this.#begin(check)
      this.#watchCritical(check)
    }
  }

  get status(): CheckStatus {
    return worst(this.#checks.map(check => check.status))
  }

  report(maintenance: boolean): ServiceReport {
    const checkStates = this.#checks.map(check => check.report())
    if (!maintenance) return { ...this.definition, status: this.status, checkStates }
    const drained = { ...maintenanceCheck, status: 'critical' } as const
    return { ...this.definition, status: 'critical', checkStates: [...checkStates, drained] }
  }

  check(id: string): CheckState | undefined {
    return this.#checks.find(check => check.definition.id === id)
  }

  /** Somebody reports a TTL check; the clock starts anew. */
  reported(check: CheckState, status: CheckStatus, output: string): void {
    this.#awaitReport(check)
    this.#result(check, check.result(status, output))
    if (check.definition.kind === 'ttl') keepReport(check.definition, status, output, this.#host)
  }

  /** Nothing of it is to be known any more, unlike at `end`. */
  forget(): void {
    for (const { definition } of this.#checks) {
      if (definition.kind === 'ttl') forgetReport(definition, this.#host)
    }
  }

  end(): void {
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }

  #begin(check: CheckState): void {
    const { definition } = check
    if (definition.kind === 'ttl') {
      const last = recallReport(definition, this.#host)
      if (last !== undefined) check.restore(last.status, last.output)
      this.#awaitReport(check, last && last.until - this.#host.wall())
      return
    }
    const look = async () => {
      const { status, output } = await probe(definition, this.#host)
      if (this.#timers.has(definition.id)) this.#result(check, check.result(status, output))
    }
    const { id, interval } = definition
    const soon = hash(id) % Math.min(interval, spread)
    const phase = 1 + (hash(`${id} again`) % interval)
    this.#once(id, soon, async () => {
      this.#once(id, phase, async () => {
        this.#timer(id, this.#host.every(interval, look))
        await look()
      })
      await look()
    })
  }

  #awaitReport(check: CheckState, left?: Millis): void {
    const { definition } = check
    if (definition.kind !== 'ttl') return
    const expire = async () => this.#result(check, check.expire())
    this.#once(definition.id, left ?? definition.ttl, expire)
  }

  #result(check: CheckState, changed: boolean): void {
    if (!changed) return
    this.#watchCritical(check)
    this.#heard.changed(this)
  }

  /** Starts or stops the wait after which a service that stays critical is given up. */
  #watchCritical(check: CheckState): void {
    const { deregisterAfter, id } = check.definition
    if (deregisterAfter === undefined) return
    const name = `critical:${id}`
    if (check.status === 'critical') {
      this.#once(name, deregisterAfter, async () => this.#heard.gaveUp(this))
    } else this.#timers.get(name)?.cancel()
  }

  #once(name: string, delay: Millis, task: () => Promise<void>): void {
    const timer = this.#host.every(Math.max(1, delay), () => {
      timer.cancel()
      return task()
    })
    this.#timer(name, timer)
  }

  #timer(name: string, timer: { cancel(): void }): void {
    this.#timers.get(name)?.cancel()
    this.#timers.set(name, timer)
  }
}

export interface Listener {
  changed(service: RunningService): void
  /** Critical for longer than its check allows. */
  gaveUp(service: RunningService): void
}

/** Shown like a check of every service while the node drains. */
export const maintenanceCheck = {
  id: '_node_maintenance',
  name: 'Node Maintenance Mode',
  output: 'the node drains',
} as const
