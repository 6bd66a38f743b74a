import type { EpochMillis } from '../base/time.ts'
import type { Digest } from './digest.ts'
import type { LoggedEvent } from './events.ts'
import { stateLimits } from './limits.ts'
import { goneRow, parseRow, type Rowed } from './table.ts'
import type { Row } from './types.ts'

/** The last administrative events, oldest first, each a row named by its seq. */
export class History implements Rowed {
  readonly tables = ['history']
  #events: LoggedEvent[] = []
  /** Events before this place are dropped; the array is cut now and then, not each time. */
  #start = 0
  readonly #changed = new Map<number, LoggedEvent | null>()

  add(event: LoggedEvent): void {
    this.#events.push(event)
    this.#changed.set(event.seq, event)
    if (this.#events.length - this.#start <= stateLimits.history) return
    this.#changed.set(this.#events[this.#start]!.seq, null)
    this.#start++
    if (this.#start >= stateLimits.history / 4) {
      this.#events = this.#events.slice(this.#start)
      this.#start = 0
    }
  }

  /** Gives a time to the events that came before there was any in the log: the first leader's election. */
  dateUndated(time: EpochMillis): void {
    for (let i = this.#start; i < this.#events.length; i++) {
      const event = this.#events[i]!
      if (event.time !== 0) return
      this.#events[i] = { ...event, time }
      this.#changed.set(event.seq, this.#events[i]!)
    }
  }

  /** At most `limit` events from seq `from` on. */
  read(from: number, limit: number): LoggedEvent[] {
    let low = this.#start
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#events[middle]!.seq < from) low = middle + 1
      else high = middle
    }
    return this.#events.slice(low, low + Math.max(0, limit))
  }

  load(row: Row): void {
    this.#events.push(parseRow(row) as LoggedEvent)
  }

  loaded(): void {
    this.#events.sort((a, b) => a.seq - b.seq)
  }

  takeRows(out: Row[]): void {
    for (const [seq, event] of this.#changed) {
      out.push(event === null ? goneRow('history', String(seq)) : historyRow(event))
    }
    this.#changed.clear()
  }

  digest(into: Digest): void {
    for (let i = this.#start; i < this.#events.length; i++) {
      const event = this.#events[i]!
      into.addOnce(event, () => historyRow(event))
    }
  }
}

function historyRow(event: LoggedEvent): Row {
  const key = String(event.seq)
  return { table: 'history', key, json: JSON.stringify(event), blob: null }
}
