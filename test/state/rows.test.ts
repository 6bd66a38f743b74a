import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { State } from '../../src/state/state.ts'
import { anyEntry } from './arbitrary.ts'
import { Bench } from './support.ts'

const steps = fc.array(fc.tuple(anyEntry, fc.constantFrom('go on', 'save', 'restart')), {
  maxLength: 60,
})

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
        const loaded = State.load(shaken.disk.values())
        expect(loaded.fingerprint()).toBe(steady.state.fingerprint())
        expect(picture(loaded)).toEqual(picture(steady.state))
        expect(loaded.takeRows()).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  test('the fingerprint tells states apart', () => {
    fc.assert(
      fc.property(
        fc.array(anyEntry, { maxLength: 30 }),
        fc.array(anyEntry, { maxLength: 30 }),
        (a, b) => {
          const [one, two] = [new Bench(), new Bench()]
          for (const entry of a) one.entry(entry)
          for (const entry of b) two.entry(entry)
          const same = JSON.stringify(rowsOf(one)) === JSON.stringify(rowsOf(two))
          expect(one.state.fingerprint() === two.state.fingerprint()).toBe(same)
        },
      ),
    )
  })
})

function rowsOf(bench: Bench) {
  bench.save()
  return [...bench.disk]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, row]) => ({ ...row, blob: row.blob && [...row.blob] }))
}

function picture(state: State) {
  const { cluster, nodes, tombstones, voters, observers, applied, term, time, stopped } = state
  const names = [...nodes.values()].map(({ name }) => state.nodeByName(name)?.id).sort()
  const sorted = <V>(map: ReadonlyMap<string, V>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    ...{ cluster, voters, observers, applied, term, time, stopped, names },
    nodes: sorted(nodes),
    tombstones: sorted(tombstones),
    kv: state.kvList(''),
    indexes: ['', 'a', 'a/', 'a/b', 'é'].map(p => [
      state.kvIndex(p, true),
      state.kvIndex(p, false),
    ]),
    history: state.history(0, 1000),
    epochs: [0, 1, 2, 5, 10].map(index => state.epochAt(index)),
  }
}
