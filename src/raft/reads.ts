/**
 * Linearizable reads without a log entry (thesis §6.4): a leader notes its commit index, makes sure
 * by a round of heartbeats that it still leads, and serves the read once the index is applied.
 *
 * Rounds are numbered. A read belongs to the first round that starts after it was asked, so that
 * one round serves all reads asked before it; an answer to a round answers all earlier ones too, so
 * that a lost heartbeat is made good by the next.
 */
import type { Index } from './types.ts'

/** Reads that may wait for a quorum; more than this and clients are better told at once. */
export const maxReads = 65_536

/** Rounds under way at once. More reads wait for a round to end: batches grow with the load. */
const maxRounds = 4

interface Read {
  readonly context: number
  /** What was committed when the read was asked. */
  readonly index: Index
  readonly round: number
}

export class Reads {
  /** The newest round that was started. */
  round = 0
  /** Asked before this leader had committed anything of its own term: it cannot know the index yet. */
  #early: number[] = []
  /** In order of rounds; those before `#head` are answered. */
  #queue: Read[] = []
  #head = 0
  #confirmed = 0

  get size(): number {
    return this.#early.length + this.#queue.length - this.#head
  }

  /** Whether reads wait for a round that has not started, and it may start. */
  get wantsRound(): boolean {
    return this.#unstarted && this.round - this.#confirmed < maxRounds
  }

  get #unstarted(): boolean {
    return this.#queue.length > this.#head && this.#queue.at(-1)!.round > this.round
  }

  askEarly(context: number): void {
    this.#early.push(context)
  }

  /** A read of what is committed at `index`. */
  ask(context: number, index: Index): void {
    this.#queue.push({ context, index, round: this.round + 1 })
  }

  /** The leader's first entry is committed at or before `index`. */
  admitEarly(index: Index): void {
    for (const context of this.#early) this.ask(context, index)
    this.#early = []
  }

  /** Before heartbeats leave: they carry the round of the reads asked so far. */
  startRound(): void {
    if (this.#unstarted) this.round++
  }

  /** A quorum has answered `round`: moves the reads it serves to `served`. */
  confirm(round: number, served: { readonly context: number; readonly index: Index }[]): void {
    this.#confirmed = Math.max(this.#confirmed, Math.min(round, this.round))
    while (this.#head < this.#queue.length) {
      const { context, index, round: needed } = this.#queue[this.#head]!
      if (needed > this.#confirmed) break
      served.push({ context, index })
      this.#head++
    }
    if (this.#head * 2 > this.#queue.length) {
      this.#queue.splice(0, this.#head)
      this.#head = 0
    }
  }

  /** Leadership is lost: moves all reads to `refused`. */
  abandon(refused: number[]): void {
    for (const context of this.#early) refused.push(context)
    for (let i = this.#head; i < this.#queue.length; i++) refused.push(this.#queue[i]!.context)
    this.#early = []
    this.#queue = []
    this.#head = 0
  }
}
