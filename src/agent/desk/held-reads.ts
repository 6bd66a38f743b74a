import type { Clock, Millis, Timer } from '../../base/time.ts'
import type { HiveEvent } from '../../state/events.ts'
import type { State } from '../../state/state.ts'

/** Held at once; beyond, reads are answered without waiting. */
const most = 10_000

/** What a read waits for: that the index of a key, or of all under a prefix, passes `after`. */
export interface HeldFor {
  readonly key: string
  readonly recurse: boolean
  readonly after: number
  /** It is content with what this node knows. */
  readonly stale: boolean
  readonly signal?: AbortSignal | undefined
}

interface Held {
  readonly after: number
  readonly stale: boolean
  wake(): void
}

/** Reads that wait for a change. Each wakes for its own keys only, and what a write costs does not grow with all that wait. */
export class HeldReads {
  readonly #clock: Clock
  readonly #exact = new Map<string, Set<Held>>()
  readonly #prefixes = new Map<string, Set<Held>>()
  #size = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get none(): boolean {
    return this.#size === 0
  }

  get full(): boolean {
    return this.#size >= most
  }

  /** `done` once: when it is due, after `patience`, or when nobody waits for it any more. */
  hold({ key, recurse, after, stale, signal }: HeldFor, patience: Millis, done: () => void): void {
    if (signal?.aborted) return done()
    const table = recurse ? this.#prefixes : this.#exact
    const held = table.get(key) ?? new Set<Held>()
    let timer: Timer | undefined
    const wake = (): void => {
      timer?.cancel()
      signal?.removeEventListener('abort', wake)
      held.delete(one)
      if (held.size === 0) table.delete(key)
      this.#size -= 1
      done()
    }
    const one = { after, stale, wake }
    timer = this.#clock.after(patience, wake)
    // Whoever asked is gone: its place is another's now.
    signal?.addEventListener('abort', wake)
    held.add(one)
    table.set(key, held)
    this.#size += 1
  }

  /** These took effect or not: a write that was refused, or wrote what was there already, is no change. */
  applied(state: Pick<State, 'kvIndex'>, events: Iterable<HiveEvent>): void {
    for (const event of events) {
      if (this.none) return
      if (event.type === 'SnapshotRestored') this.replaced(state)
      else if (event.type === 'KvDelete' && event.data.recurse) this.#gone(state, event.data.key)
      else if (event.type === 'KvPut' || event.type === 'KvDelete') {
        this.#written(state, event.data.key)
      }
    }
  }

  /** Any key may be another now; what changed has a newer index. */
  replaced(state: Pick<State, 'kvIndex'>): void {
    this.#gone(state, '')
  }

  wakeAll(): void {
    this.#wake(() => true)
  }

  /** All but those that are content with what this node knows. */
  wakeLed(): void {
    this.#wake(({ stale }) => !stale)
  }

  #wake(isMeant: (held: Held) => boolean): void {
    for (const held of [...this.#exact.values(), ...this.#prefixes.values()]) {
      for (const one of [...held]) if (isMeant(one)) one.wake()
    }
  }

  #written(state: Pick<State, 'kvIndex'>, key: string): void {
    this.#look(state, key, false)
    if (this.#prefixes.size <= key.length) {
      for (const prefix of this.#prefixes.keys()) {
        if (key.startsWith(prefix)) this.#look(state, prefix, true)
      }
      return
    }
    // Of very many prefixes only those that the key has are looked up.
    for (let end = 0; end <= key.length; end++) this.#look(state, key.slice(0, end), true)
  }

  #gone(state: Pick<State, 'kvIndex'>, prefix: string): void {
    for (const key of this.#exact.keys()) if (key.startsWith(prefix)) this.#look(state, key, false)
    for (const key of this.#prefixes.keys()) {
      if (key.startsWith(prefix) || prefix.startsWith(key)) this.#look(state, key, true)
    }
  }

  #look(state: Pick<State, 'kvIndex'>, key: string, recurse: boolean): void {
    const held = (recurse ? this.#prefixes : this.#exact).get(key)
    if (!held) return
    const index = state.kvIndex(key, recurse)
    for (const { after, wake } of [...held]) if (index > after) wake()
  }
}
