import { type Edn, keyword, writeEdn } from './edn.ts'

/** One operation as it goes into a file: its call, and what was heard of it. */
export interface Recorded {
  /** A client that never heard an answer goes on under another number. */
  readonly process: number
  readonly f: string
  /** As it was asked. */
  readonly asked: Edn
  /** As it was answered; for what was not: as it was asked. */
  readonly told: Edn
  /** ms */
  readonly invoked: number
  /** ms; undefined: never. */
  readonly returned: number | undefined
  /** `fail`: certainly without effect. `info`: nobody knows. */
  readonly outcome: 'ok' | 'fail' | 'info'
}

/**
 * Jepsen's form, one map a line: `:process :type :f :value :time :index`, with calls (`:invoke`) and ends
 * (`:ok`, `:fail`, `:info`) in order of time. With `{:f :read|:write|:cas}` and plain values Knossos reads it (models `register`
 * and `cas-register`; to it a read of nil is one of anything), with `{:f :txn}` and `[[:append k v] [:r k nil]]` Elle does (`list-append`).
 */
export function jepsenHistory(operations: readonly Recorded[]): string {
  const end = operations.reduce(
    (latest, { invoked, returned }) => Math.max(latest, returned ?? invoked),
    0,
  )
  const moments = operations.flatMap(operation => {
    const { process, f, asked, told, invoked, returned, outcome } = operation
    const call = { time: invoked, type: 'invoke', process, f, value: asked }
    // Elle takes an append without an end for one that never was, and stumbles over who saw it.
    if (returned === undefined) return [call, { ...call, time: end, type: 'info' }]
    return [call, { time: returned, type: outcome, process, f, value: told }]
  })
  // A client's next call is later than its last answer, also when both fall on one reading of the clock.
  moments.sort((a, b) => a.time - b.time)
  const lines = moments.map(({ time, type, process, f, value }, index) =>
    writeEdn(
      new Map<Edn, Edn>([
        [keyword('process'), process],
        [keyword('type'), keyword(type)],
        [keyword('f'), keyword(f)],
        [keyword('value'), value],
        [keyword('time'), Math.round(time * 1e6)],
        [keyword('index'), index],
      ]),
    ),
  )
  return lines.map(line => `${line}\n`).join('')
}
