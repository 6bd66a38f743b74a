import { promiseHooks } from 'node:v8'
import { type Random, seeded } from '../../src/base/random.ts'
import type { Timer } from '../../src/base/time.ts'
import { EventQueue, type Life, type Scheduled } from './queue.ts'
import { Trace } from './trace.ts'

/** So many events in a row without time passing: somebody tries again and again at once, and would never stop. */
const maxStalled = 200_000

/**
 * The one scheduler of a run: a queue of events in virtual time, and one seed. Nothing in a run may
 * take time or chance from anywhere else; so the seed is the run.
 *
 * Promises live at the agent's edge (its API, its roles). V8's promise hooks tell whether an event
 * made or settled one; only then is the loop left (once, a microsecond) so that reactions run, at the
 * same virtual instant and in V8's own fixed order. Runs without promises never leave the loop.
 */
export class Simulation {
  readonly seed: number
  readonly trace: Trace
  readonly #queue = new EventQueue()
  #now = 0
  #sequence = 0
  #events = 0
  #stalled = 0
  #drains = 0
  #touched = false
  #failure: { readonly error: unknown; readonly life: Life | undefined } | undefined
  /** Called after each event that ran inside a process: where checkers look. */
  afterEvent: ((life: Life) => void) | undefined

  constructor(seed: number, trace = new Trace()) {
    this.seed = seed
    this.trace = trace
  }

  /** Virtual milliseconds since the run began: true time, which no process sees. */
  get now(): number {
    return this.#now
  }

  get events(): number {
    return this.#events
  }

  /** How often promises made us leave the loop. */
  get drains(): number {
    return this.#drains
  }

  /** Dice for one concern; more throws of one leave all others as they are. */
  dice(concern: string): Random {
    return seeded(`${this.seed}/${concern}`)
  }

  /** Runs `task` at `at` (not before now); with `life`, only while that process lives and runs. */
  at(at: number, task: () => void, life?: Life): Timer {
    const event: Scheduled = {
      at: Math.max(at, this.#now),
      sequence: this.#sequence++,
      task,
      life,
    }
    this.#queue.push(event)
    return {
      cancel() {
        event.task = undefined
      },
    }
  }

  after(delay: number, task: () => void, life?: Life): Timer {
    return this.at(this.#now + delay, task, life)
  }

  /** Something reaches a process now, as part of the event under way; later if it is frozen. */
  enter(life: Life, task: () => void): void {
    if (!life.alive) return
    if (life.frozen) {
      life.deferred.push({ at: this.#now, sequence: 0, task, life })
      return
    }
    try {
      task()
      this.afterEvent?.(life)
    } catch (error) {
      this.fail(error, life)
    }
  }

  freeze(life: Life): void {
    life.frozen = true
    life.thawing = false
    life.disturbedAt = this.#now
  }

  /** What came due meanwhile happens now, in the order in which it came due; what is new waits behind it. */
  thaw(life: Life): void {
    if (!life.frozen || life.thawing) return
    life.thawing = true
    life.disturbedAt = this.#now
    const next = (): void => {
      if (!life.thawing) return
      const event = life.deferred.shift()
      if (life.deferred.length > 0) this.after(0, next)
      else {
        life.frozen = false
        life.thawing = false
      }
      if (!life.alive || event?.task === undefined) return
      event.task()
      this.afterEvent?.(life)
    }
    this.after(0, next)
  }

  end(life: Life): void {
    life.alive = false
    life.deferred.length = 0
  }

  /** Stops the run: something is wrong. The first failure is the one that counts. */
  fail(error: unknown, life?: Life): void {
    this.#failure ??= { error, life }
  }

  /** Runs until virtual time `until`, or until `enough` says so between two events. */
  async run(until: number, enough?: () => boolean): Promise<void> {
    const hook = promiseHooks.createHook({
      init: () => (this.#touched = true),
      settled: () => (this.#touched = true),
    })
    try {
      for (let first = true; ; first = false) {
        if (this.#touched || first) {
          this.#drains++
          await new Promise<void>(resolve => setImmediate(resolve))
          // Last, and here: whatever an async function of ours returns would settle one more.
          this.#touched = false
        }
        if (this.#failure !== undefined) throw this.#failure.error
        if (!first && enough?.()) return
        const next = this.#queue.peek()
        if (next === undefined || next.at > until) {
          this.#now = until
          return
        }
        this.#step()
      }
    } finally {
      hook()
    }
  }

  #step(): void {
    const event = this.#queue.pop()!
    const { task, life } = event
    if (task === undefined) return
    this.#stalled = event.at === this.#now ? this.#stalled + 1 : 0
    if (this.#stalled > maxStalled)
      return this.fail(new Error(`time stands still: ${maxStalled} events at one moment`), life)
    this.#now = event.at
    if (life !== undefined) {
      if (!life.alive) return
      if (life.frozen) {
        life.deferred.push(event)
        return
      }
    }
    this.#events++
    this.trace.mix(event.sequence)
    try {
      task()
      if (life !== undefined) this.afterEvent?.(life)
    } catch (error) {
      this.fail(error, life)
    }
  }
}
