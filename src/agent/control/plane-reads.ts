import type { Raft } from '../../raft/raft.ts'
import type { Index, Ready } from '../../raft/types.ts'

type Done = (applied: Index | null) => void

/** Linearizable reads on their way: first the index that they must see, then until it is applied. */
export class PlaneReads {
  readonly #asked = new Map<number, Done>()
  #confirmed: { readonly index: Index; readonly done: Done }[] = []
  #next = 1

  /** False: this node does not lead, or too many wait; `done` has been told. */
  ask(raft: Raft, now: number, done: Done): boolean {
    const context = this.#next++
    if (!raft.readIndex(context, now)) {
      done(null)
      return false
    }
    this.#asked.set(context, done)
    return true
  }

  /** What raft says of them. `stopped`: no more than `applied` will ever be applied here. */
  take({ reads, readsRefused }: Ready, applied: Index, stopped: boolean): void {
    for (const { context, index } of reads) {
      const done = this.#asked.get(context)
      if (!done) continue
      this.#asked.delete(context)
      this.#confirmed.push({ index, done })
    }
    for (const context of readsRefused) {
      this.#asked.get(context)?.(null)
      this.#asked.delete(context)
    }
    if (this.#confirmed.length === 0) return
    const due = this.#confirmed.filter(({ index }) => index <= applied)
    this.#confirmed = this.#confirmed.filter(({ index }) => index > applied)
    for (const { done } of due) done(applied)
    if (!stopped) return
    for (const { done } of this.#confirmed.splice(0)) done(null)
  }

  stop(): void {
    for (const done of this.#asked.values()) done(null)
    for (const { done } of this.#confirmed) done(null)
    this.#asked.clear()
    this.#confirmed = []
  }
}
