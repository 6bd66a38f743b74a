import type { Instant } from '../../base/time.ts'
import type { Raft } from '../../raft/raft.ts'
import type { Entry, Index, Term } from '../../raft/types.ts'
import type { Outcome } from '../../state/types.ts'
import { notLeader, overloaded, unknownOutcome } from './outcomes.ts'

/** Proposals queued for one turn; more are answered BUSY at once. */
const maxQueued = 20_000
/** A proposal that came to nothing by then, ms, is answered TIMEOUT: its outcome is unknown. */
const patience = 15_000

type Done = (outcome: Outcome) => void

interface Waiting {
  readonly term: Term
  readonly since: Instant
  readonly done: Done
}

/** What this node has proposed, from when it is asked to until it is known what came of it. Each is answered once. */
export class Proposals {
  /** All that come in one turn of the loop are one batch of raft's. */
  #queue: { readonly data: Uint8Array; readonly done: Done }[] = []
  /** In the log at this index, oldest first. */
  readonly #waiting = new Map<Index, Waiting>()

  get full(): boolean {
    return this.#queue.length >= maxQueued
  }

  queue(data: Uint8Array, done: Done): void {
    this.#queue.push({ data, done })
  }

  propose(raft: Raft, now: Instant): void {
    if (this.#queue.length === 0) return
    const batch = this.#queue
    this.#queue = []
    const result = raft.propose(
      batch.map(({ data }) => data),
      now,
    )
    if (!result.ok) {
      const answer = result.why === 'full' ? overloaded : notLeader
      for (const { done } of batch) done(answer)
      return
    }
    const { first, term } = result
    batch.forEach(({ done }, i) => {
      const index = first + i
      // Proposed in an earlier term and gone from this log, it may still be in another and be committed there.
      this.#take(index)?.done(unknownOutcome)
      this.#waiting.set(index, { term, since: now, done })
    })
  }

  /** What to tell whoever waits for this entry, which is applied now; undefined: nobody does. */
  settle({ index, term }: Entry, outcome: Outcome): (() => void) | undefined {
    const waiting = this.#take(index)
    return waiting && (() => waiting.done(waiting.term === term ? outcome : notLeader))
  }

  /** A snapshot took the place of the entries up to `index`. */
  restored(index: Index): void {
    for (const at of this.#waiting.keys()) if (at <= index) this.#take(at)?.done(unknownOutcome)
  }

  /** Gives up what has waited too long. */
  sweep(now: Instant): void {
    for (const [index, { since }] of this.#waiting) {
      if (now - since < patience) break
      this.#take(index)?.done(unknownOutcome)
    }
  }

  stop(): void {
    for (const { done } of this.#queue) done(notLeader)
    for (const { done } of this.#waiting.values()) done(unknownOutcome)
    this.#queue = []
    this.#waiting.clear()
  }

  #take(index: Index): Waiting | undefined {
    const waiting = this.#waiting.get(index)
    this.#waiting.delete(index)
    return waiting
  }
}
