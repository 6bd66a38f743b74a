import type { Clock, Timer } from '../../base/time.ts'
import type { Trace } from '../../base/trace.ts'
import type { ClusterView } from '../../cluster/view.ts'
import type { ValidationHandler } from '../../net/handshake.ts'
import type { Roles } from '../../roles/registry.ts'
import type { Host, RoleKnown } from '../../roles/role.ts'
import { RoleRunner } from '../../roles/runner.ts'
import type { NodeRecord } from '../../state/types.ts'
import type { RoleHosting, ServiceDirectory } from './role-hosting.ts'
import { roleValidation } from './role-validation.ts'

export interface RoleRunnersParts {
  readonly clock: Clock
  readonly trace: Trace
  readonly roles: Roles
  readonly roleConfig: Readonly<Record<string, unknown>>
  hostFor(role: string): Host
  memoryOf(role: string): RoleKnown['memory']
  /** Tells the control plane; `done` says whether it took it. */
  report(role: string, state: string, detail: string, done: (taken: boolean) => void): void
}

/** A report that the control plane did not take is repeated after so long, ms. */
const reportAgain = 2_000

/**
 * The roles of this node follow what was agreed: an assigned role runs, a draining node's roles hand
 * over, an unassigned one stops. What became of each is reported until the log says the same.
 */
export class RoleRunners implements RoleHosting {
  readonly #parts: RoleRunnersParts
  readonly #runners = new Map<string, RoleRunner>()
  readonly #stopping = new Map<string, Promise<void>>()
  readonly #reporting = new Set<string>()
  /** The last report of each role that the control plane took; the view may be older than that. */
  readonly #told = new Map<string, string>()
  #view: ClusterView | undefined
  #again: Timer | undefined
  #closed = false
  /** The peers of the last plan: roles plan anew when they change. */
  #peers = '[]'

  constructor(parts: RoleRunnersParts) {
    this.#parts = parts
  }

  get services(): ServiceDirectory | undefined {
    return this.#runners.has('host') ? this.#parts.roles.services : undefined
  }

  get validation(): readonly ValidationHandler[] {
    const { roles, trace } = this.#parts
    return [...this.#runners.keys()].flatMap(name => {
      const role = roles.byName.get(name)
      return role?.validate ? [roleValidation(role, trace)] : []
    })
  }

  update(view: ClusterView | undefined): void {
    if (this.#closed) return
    this.#view = view
    const self = view?.self ?? null
    const peers = JSON.stringify(view?.peers ?? [])
    const moved = peers !== this.#peers
    this.#peers = peers
    const wanted = new Set(self?.roles.map(r => r.name))
    for (const [name, runner] of this.#runners) {
      if (!wanted.has(name)) this.#end(name, runner)
    }
    for (const name of wanted) this.#steer(name, self!, moved)
    this.#report()
  }

  /** Lets go of everything; nothing is handed off, because a stop is no drain. */
  stop(done: () => void): void {
    this.#closed = true
    this.#again?.cancel()
    for (const runner of this.#runners.values()) runner.close()
    done()
  }

  #steer(name: string, self: NodeRecord, moved: boolean): void {
    const runner = this.#runners.get(name) ?? this.#begin(name)
    if (!runner) return
    if (self.phase === 'draining' || self.phase === 'drained' || self.phase === 'leaving')
      runner.drain()
    else if (self.phase === 'ready' || self.phase === 'recovering') runner.start()
    if (moved) runner.reconsider()
  }

  #begin(name: string): RoleRunner | undefined {
    const { roles, roleConfig, clock } = this.#parts
    const role = roles.byName.get(name)
    if (!role || this.#stopping.has(name)) return undefined
    const parsed = role.parse(roleConfig[name])
    if ('problems' in parsed) {
      const why = parsed.problems.map(p => `${p.key}: ${p.message}`).join('; ')
      this.#tell(name, 'failed', why)
      return undefined
    }
    const runner = new RoleRunner({
      role,
      config: parsed.config,
      clock,
      host: this.#parts.hostFor(name),
      known: () => this.#known(),
      memory: () => this.#parts.memoryOf(name),
      changed: (state, detail) => {
        this.#parts.trace.info({ role: name, state, ...(detail && { detail }) }, 'role')
        this.#report()
      },
    })
    this.#runners.set(name, runner)
    return runner
  }

  #end(name: string, runner: RoleRunner): void {
    this.#runners.delete(name)
    this.#told.delete(name)
    const stopped = runner.stop().then(() => {
      this.#stopping.delete(name)
      this.update(this.#view)
    })
    this.#stopping.set(name, stopped)
  }

  #known(): Pick<RoleKnown, 'self' | 'peers'> {
    const self = this.#view?.self
    return {
      self: {
        id: self?.id ?? '',
        name: self?.name ?? '',
        address: self ? self.address.host : '',
        dc: self?.dc ?? '',
      },
      peers: this.#view?.peers ?? [],
    }
  }

  /** Whatever the log does not say yet. */
  #report(): void {
    for (const { name } of this.#view?.self?.roles ?? []) {
      const runner = this.#runners.get(name)
      if (runner && runner.state !== 'assigned') this.#tell(name, runner.state, runner.detail)
    }
  }

  #tell(role: string, state: string, detail: string): void {
    if (this.#reporting.has(role) || this.#closed) return
    const agreed = this.#view?.self?.roles.find(r => r.name === role)
    const now = word(state, detail)
    const known = agreed !== undefined && word(agreed.state, agreed.detail) === now
    if (known && (this.#told.get(role) ?? now) === now) return
    this.#reporting.add(role)
    this.#parts.report(role, state, detail, taken => {
      this.#reporting.delete(role)
      if (this.#closed) return
      if (!taken) {
        this.#again?.cancel()
        this.#again = this.#parts.clock.after(reportAgain, () => this.#report())
        return
      }
      this.#told.set(role, now)
      // It went on while the report was under way.
      const runner = this.#runners.get(role)
      if (runner && word(runner.state, runner.detail) !== now) this.#report()
    })
  }
}

function word(state: string, detail: string): string {
  return `${state} ${detail}`
}
