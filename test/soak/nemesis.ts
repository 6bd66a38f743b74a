import { setTimeout } from 'node:timers/promises'
import type { Random } from '../../src/base/random.ts'
import { type Begun, type Fault, faults, type Stage } from './faults.ts'
import type { FaultKind } from './options.ts'

/** A fault that was, with its times in ms since the run began. */
export interface Happened {
  readonly kind: FaultKind
  readonly sort: string
  readonly what: string
  readonly victims: readonly string[]
  readonly began: number
  ended: number | undefined
}

export interface NemesisParts {
  readonly kinds: readonly string[]
  readonly dice: Random
  now(): number
  stage(dice: Random): Promise<Stage>
  say(text: string): void
}

/** Calm between two faults of one hand, s. */
const calm = { least: 1, most: 6 }

/**
 * Two hands, each with one fault at a time: some come alone, some on top of another. No two of a kind at once, so that each can
 * be undone by itself.
 */
export class Nemesis {
  readonly happened: Happened[] = []
  readonly #parts: NemesisParts
  readonly #busy = new Set<FaultKind>()
  readonly #stop = new AbortController()
  #hands: Promise<void>[] = []

  constructor(parts: NemesisParts) {
    this.#parts = parts
  }

  start(): void {
    if (this.#parts.kinds.length === 0) return
    const { dice } = this.#parts
    this.#hands = [this.#hand(dice.fork(), 1), this.#hand(dice.fork(), 3)]
  }

  /** Everything is undone when it resolves. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#hands)
  }

  async #hand(dice: Random, laziness: number): Promise<void> {
    for (;;) {
      await this.#rest((calm.least + dice.next() * (calm.most - calm.least)) * laziness)
      if (this.#stop.signal.aborted) return
      const fault = this.#pick(dice)
      if (!fault) continue
      this.#busy.add(fault.kind)
      const { now, say } = this.#parts
      const stage = await this.#parts.stage(dice)
      const began = now()
      const begun = await fault.begin(stage)
      if (begun) await this.#last(fault, begun, began, dice)
      else say(`${fault.kind}: nothing to do`)
      this.#busy.delete(fault.kind)
    }
  }

  async #last(fault: Fault, begun: Begun, began: number, dice: Random): Promise<void> {
    const { now, say } = this.#parts
    const { what, sort, victims } = begun
    const { kind } = fault
    const happened: Happened = {
      ...{ kind, sort, what, began },
      victims: victims.map(({ name }) => name),
      ended: undefined,
    }
    this.happened.push(happened)
    say(what)
    // Squared: mostly short, now and then as long as may be.
    await this.#rest((fault.least ?? 0.2) + dice.next() ** 2 * fault.lasts)
    await begun.end()
    happened.ended = now()
    say(`over: ${what}`)
  }

  #pick(dice: Random): Fault | undefined {
    const { kinds } = this.#parts
    const free = faults.filter(({ kind }) => kinds.includes(kind) && !this.#busy.has(kind))
    let at = dice.next() * free.reduce((sum, { weight }) => sum + weight, 0)
    return free.find(({ weight }) => (at -= weight) < 0)
  }

  /** Ends at once when the nemesis is stopped. */
  async #rest(seconds: number): Promise<void> {
    await setTimeout(seconds * 1000, undefined, { signal: this.#stop.signal }).catch(() => {})
  }
}
