import type { Clock, Millis, Timer } from '../base/time.ts'
import type { RoleState } from '../state/events.ts'
import { type Lent, lend, reason } from './lend.ts'
import type { Host, Role, RoleKnown } from './role.ts'

/**
 * One role on one node, from assignment to the end:
 * assigned → bootstrapping → running ⇄ failed → draining → drained → stopped.
 *
 * It asks the role for a plan, applies the steps in order and tells of each change of state. Whatever
 * the role throws stays here: the role turns red, and is tried again with growing patience. Plans and
 * steps never overlap; a new goal waits for the step under way, then a new plan is made.
 */
export interface RunnerParts<Config> {
  readonly role: Role<Config>
  readonly config: Config
  readonly host: Host
  readonly clock: Clock
  /** The cluster as it is now. */
  known(): Pick<RoleKnown, 'self' | 'peers'>
  /** All that the role remembers. */
  memory(): RoleKnown['memory']
  /** State or detail changed. */
  changed(state: RoleState, detail: string): void
}

/** First pause after a failure, ms; doubles up to `maxPause`. */
const firstPause: Millis = 1000
const maxPause: Millis = 60_000
/** A step that takes longer counts as failed, ms: roles poll, they do not sit and wait. */
const stepTimeout: Millis = 60_000
/** Of why a role failed, in the event log and on the terminal. */
const detailChars = 300

type Goal = RoleKnown['goal']

export class RoleRunner<Config = unknown> {
  readonly #parts: RunnerParts<Config>
  readonly #lent: Lent
  #state: RoleState = 'assigned'
  #detail = ''
  #goal: Goal = 'run'
  /** Raised whenever what is under way has been overtaken. */
  #turn = 0
  #busy = false
  #failures = 0
  #retry: Timer | undefined
  /** Ends the patience with the step under way. */
  #limit: Timer | undefined
  #closed = false
  /** What the role says of its own health, which counts while it is up. */
  #red: string | undefined
  #green = ''
  #stopped: (() => void)[] = []

  constructor(parts: RunnerParts<Config>) {
    this.#parts = parts
    this.#lent = lend(parts.host, (state, detail) => this.#health(state, detail))
  }

  get name(): string {
    return this.#parts.role.name
  }

  get state(): RoleState {
    return this.#state
  }

  /** Why it failed, or what it waits for. */
  get detail(): string {
    return this.#detail
  }

  /** Be up; also takes a drain back. */
  start(): void {
    if (this.#goal === 'run' && this.#state !== 'assigned') return
    this.#aim('run', 'bootstrapping')
  }

  /** Hand work off, keep what others still need. */
  drain(): void {
    if (this.#goal === 'drain') return
    this.#aim('drain', 'draining')
  }

  /** The cluster changed in a way that this role asked to know of: plan again. */
  reconsider(): void {
    if (this.#goal !== 'run' || this.#state === 'assigned') return
    this.#turn++
    this.#work()
  }

  /** Undo everything: the role is no longer assigned. Resolves when it is stopped, well or badly. */
  stop(): Promise<void> {
    if (this.#state === 'stopped' || this.#closed) return Promise.resolve()
    const done = new Promise<void>(resolve => this.#stopped.push(resolve))
    if (this.#goal !== 'stop') this.#aim('stop', this.#state)
    return done
  }

  /** The agent goes down: let go of every timer, undo nothing. */
  close(): void {
    this.#closed = true
    this.#turn++
    this.#retry?.cancel()
    this.#limit?.cancel()
    this.#lent.cancelTimers()
    for (const resolve of this.#stopped.splice(0)) resolve()
  }

  #aim(goal: Goal, state: RoleState): void {
    if (this.#closed || this.#state === 'stopped') return
    this.#goal = goal
    this.#failures = 0
    this.#turn++
    this.#become(state, '')
    this.#work()
  }

  #work(): void {
    this.#retry?.cancel()
    this.#retry = undefined
    if (this.#busy || this.#closed) return
    this.#busy = true
    const turn = this.#turn
    this.#pursue(turn).then(
      () => this.#settle(turn, undefined),
      error => this.#settle(turn, error),
    )
  }

  async #pursue(turn: number): Promise<void> {
    const { role, config, known, memory } = this.#parts
    const plan = role.plan({ goal: this.#goal, ...known(), memory: memory() }, config)
    for (const step of plan) {
      if (turn !== this.#turn) return
      this.#parts.host.trace(step.what)
      await this.#limited(Promise.resolve(role.apply(step, this.#lent.host)), step.what)
    }
  }

  #limited(work: Promise<void>, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const limit = this.#parts.clock.after(stepTimeout, () => {
        reject(new Error(`${what}: no end after ${stepTimeout / 1000} s`))
      })
      this.#limit = limit
      work.then(resolve, reject).finally(() => limit.cancel())
    })
  }

  #settle(turn: number, error: unknown): void {
    this.#busy = false
    if (this.#closed) return
    if (turn !== this.#turn) this.#work()
    else if (this.#goal === 'stop') this.#end(error)
    else if (error === undefined) this.#arrive()
    else this.#tryAgain(reason(error))
  }

  #tryAgain(why: string): void {
    this.#parts.host.trace(`failed: ${why}`)
    const draining = this.#goal === 'drain'
    this.#become(draining ? 'draining' : 'failed', draining ? `tried in vain: ${why}` : why)
    const pause = Math.min(firstPause * 2 ** this.#failures++, maxPause)
    this.#retry = this.#parts.clock.after(pause, () => this.#work())
  }

  #arrive(): void {
    this.#failures = 0
    if (this.#goal === 'drain') this.#become('drained', '')
    else if (this.#red === undefined) this.#become('running', this.#green)
    else this.#become('failed', this.#red)
  }

  #end(error: unknown): void {
    this.#lent.cancelTimers()
    this.#become('stopped', error === undefined ? '' : `stopped badly: ${reason(error)}`)
    for (const resolve of this.#stopped.splice(0)) resolve()
  }

  #health(state: 'running' | 'failed', detail: string): void {
    this.#red = state === 'failed' ? detail : undefined
    this.#green = state === 'running' ? detail : ''
    const up = this.#goal === 'run' && !this.#busy && this.#retry === undefined
    if (up && (this.#state === 'running' || this.#state === 'failed')) this.#become(state, detail)
  }

  #become(state: RoleState, why: string): void {
    const detail = cut(why)
    if (this.#state === state && this.#detail === detail) return
    this.#state = state
    this.#detail = detail
    this.#parts.changed(state, detail)
  }
}

function cut(text: string): string {
  return text.length > detailChars ? `${text.slice(0, detailChars - 1)}…` : text
}
