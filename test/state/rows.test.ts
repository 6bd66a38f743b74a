import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { State } from '../../src/state/state.ts'
import type { Row } from '../../src/state/types.ts'
import { anyEntry } from './arbitrary.ts'
import { Bench, initialised, initialisedBench } from './support.ts'

const init = { type: 'data', event: initialised } as const

/** Mostly of a cluster that had its init; what comes before one is refused. */
const entries = fc
  .tuple(fc.array(anyEntry, { maxLength: 80, size: 'max' }), fc.integer({ max: 9, min: 0 }))
  .map(([entries, chance]) => (chance > 0 ? [init, ...entries] : entries))
const whatNow = fc.constantFrom('go on', 'go on', 'save', 'restart')
const steps = entries.chain(entries =>
  fc.tuple(...entries.map(entry => fc.tuple(fc.constant(entry), whatNow))),
)

describe('the rows are the state', () => {
  test('saved, crashed and loaded at any moment, it is the same as if nothing had happened', () => {
    fc.assert(
      fc.property(steps, steps => {
        const steady = new Bench()
        const shaken = new Bench()
        for (const [entry, then] of steps) {
          const outcome = steady.entry(entry)
          expect(shaken.entry(entry)).toEqual(outcome)
          if (then === 'save') shaken.save()
          if (then === 'restart') shaken.restart()
          expect(shaken.state.fingerprint()).toBe(steady.state.fingerprint())
        }
        shaken.save()
        const loaded = State.load([...shaken.disk.values()].reverse())
        expect(loaded.fingerprint()).toBe(steady.state.fingerprint())
        expect(picture(loaded)).toEqual(picture(steady.state))
        expect(loaded.takeRows()).toEqual([])
      }),
      { numRuns: 150 },
    )
  })

  test('the fingerprint is that of the rows: equal when they are, different when any differs', () => {
    fc.assert(
      fc.property(entries, fc.nat(), fc.nat(), (entries, at, how) => {
        const bench = new Bench()
        for (const entry of entries) bench.entry(entry)
        bench.save()
        const rows = [...bench.disk.values()]
        fc.pre(rows.length > 0)
        const row = rows[at % rows.length]!
        const fingerprint = bench.state.fingerprint()
        expect(State.load(rows.map(row => ({ ...row }))).fingerprint()).toBe(fingerprint)
        const others = without(rows, row, how)
        expect(State.load(others).fingerprint()).not.toBe(fingerprint)
      }),
      { numRuns: 200 },
    )
  })

  test('the fingerprint sees keys, values and numbers alike', () => {
    const of = (key: string, value: number, flags: number) => {
      const bench = initialisedBench()
      bench.apply('KvPut', { key, value: new Uint8Array([value]), flags })
      return bench.state.fingerprint()
    }
    const prints = [of('a', 1, 0), of('b', 1, 0), of('a', 2, 0), of('a', 1, 1)]
    expect(new Set(prints).size).toBe(4)
    expect(of('a', 1, 0)).toBe(prints[0])
  })

  test('a row that says it is gone is gone', () => {
    const bench = new Bench()
    bench.entry(init)
    const rows = bench.save()
    const gone = { table: 'kv', key: 'was', json: null, blob: null }
    const state = State.load([...rows, gone])
    expect(state.kvList('')).toEqual([])
    expect(state.fingerprint()).toBe(bench.state.fingerprint())
  })
})

/** The rows with one dropped, under another key, or with another value. */
function without(rows: readonly Row[], row: Row, how: number): Row[] {
  const others = rows.filter(other => other !== row)
  if (row.table !== 'kv' || how % 3 === 0) return others
  if (how % 3 === 1) return [...others, { ...row, key: `${row.key}x` }]
  return [...others, { ...row, blob: new Uint8Array([...row.blob!, 1]) }]
}

function picture(state: State) {
  const { cluster, nodes, tombstones, voters, observers, applied, term, time, stopped } = state
  const names = [...nodes.values()].map(({ name }) => state.nodeByName(name)?.id).sort()
  return {
    ...{ cluster, voters, observers, applied, term, time, stopped, names },
    nodes: [...nodes],
    tombstones: [...tombstones],
    kv: state.kvList(''),
    indexes: ['', 'a', 'a/', 'a/b', 'é'].map(p => [
      state.kvIndex(p, true),
      state.kvIndex(p, false),
    ]),
    history: state.history(0, 1000),
    epochs: [0, 1, 2, 5, 10].map(index => state.epochAt(index)),
  }
}
