import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RequestId } from '../../src/state/events.ts'
import { stateLimits } from '../../src/state/limits.ts'
import type { Outcome } from '../../src/state/types.ts'
import { type Bench, initialisedBench } from './support.ts'

/** The slow twin: everything that was ever answered, and how far each client has acknowledged. */
class Twin {
  readonly answers = new Map<string, Outcome>()
  readonly floors = new Map<string, number>()

  expected(request: RequestId): Outcome | 'forgotten' | 'new' {
    if (request.serial < (this.floors.get(request.client) ?? 0)) return 'forgotten'
    return this.answers.get(`${request.client} ${request.serial}`) ?? 'new'
  }

  answered(request: RequestId, outcome: Outcome): void {
    this.answers.set(`${request.client} ${request.serial}`, outcome)
    const floor = Math.max(
      this.floors.get(request.client) ?? 0,
      Math.min(request.acked, request.serial),
    )
    this.floors.set(request.client, floor)
  }
}

const request = fc.record({
  client: fc.constantFrom('id-n1/1', 'id-n1/2', 'id#n1/1'),
  serial: fc.oneof(fc.nat(20), fc.integer({ min: 100, max: 200 }), fc.constant(2 ** 53 - 1)),
  acked: fc.oneof(fc.nat(10), fc.integer({ min: 0, max: 150 })),
})
const step = fc.record({ request, cas: fc.boolean(), crash: fc.constantFrom(false, false, true) })

test('each request takes effect once, however often it is retried and whatever crashes between', () => {
  fc.assert(
    fc.property(fc.array(step, { size: 'large', maxLength: 100 }), steps => {
      const bench = initialisedBench()
      const twin = new Twin()
      let effects = 0
      for (const { request, cas, crash } of steps) {
        const expected = twin.expected(request)
        const before = bench.state.kvGet('n')?.modifyIndex ?? 0
        // A cas of 1 never matches: a refusal too is remembered.
        const data = { key: 'n', value: Buffer.from(`${bench.log.length}`), flags: 0 }
        const { outcome } = bench.apply('KvPut', { ...data, ...(cas && { cas: 1 }) }, request)
        const changed = (bench.state.kvGet('n')?.modifyIndex ?? 0) !== before
        if (expected === 'new') {
          expect(changed).toBe(!cas)
          expect(outcome.ok ? 'ok' : outcome.code).toBe(cas ? 'CAS_FAILED' : 'ok')
          twin.answered(request, outcome)
          effects++
        } else {
          expect(changed).toBe(false)
          if (expected === 'forgotten')
            expect(outcome).toMatchObject({ ok: false, code: 'TIMEOUT' })
          else expect(outcome).toEqual(expected)
        }
        if (crash) {
          bench.save()
          bench.restart()
        }
      }
      expect(effects).toBe(twin.answers.size)
    }),
    { numRuns: 200 },
  )
})

describe('what is remembered is bounded', () => {
  test('answers that were acknowledged are dropped, from the disk too', () => {
    const bench = initialisedBench()
    for (let serial = 0; serial < 1000; serial++) {
      put(bench, 'c/1', serial, Math.max(0, serial - 5))
      if (serial % 10 === 0) bench.save()
    }
    bench.save()
    const rows = outcomeRows(bench)
    expect(rows.length).toBeLessThanOrEqual(2)
    expect(rows.flatMap(row => JSON.parse(row.json!)).map(([serial]) => serial)).toEqual([
      994, 995, 996, 997, 998, 999,
    ])
  })

  test('a batch rewrites a row or two, whatever else is outstanding', () => {
    const bench = initialisedBench()
    for (let serial = 0; serial < 2000; serial++) put(bench, 'c/1', serial, 0)
    bench.save()
    for (let serial = 2000; serial < 2030; serial++) put(bench, 'c/1', serial, 0)
    const rows = bench.save().filter(row => row.table === 'outcome')
    expect(rows.length).toBeLessThanOrEqual(2)
    expect(Math.max(...rows.map(row => row.json!.length))).toBeLessThan(64 * 15)
  })

  test('a client that never acknowledges loses its oldest answers, and is told so', () => {
    const bench = initialisedBench()
    const { outcomes } = stateLimits
    for (let serial = 0; serial <= outcomes; serial++) put(bench, 'c/1', serial, 0)
    expect(put(bench, 'c/1', 0, 0)).toMatchObject({ ok: false, code: 'TIMEOUT' })
    expect(put(bench, 'c/1', outcomes / 4 - 1, 0)).toMatchObject({ ok: false, code: 'TIMEOUT' })
    expect(put(bench, 'c/1', outcomes / 4, 0)).toEqual({ ok: true, index: outcomes / 4 + 2 })
    expect(put(bench, 'c/1', outcomes, 0)).toEqual({ ok: true, index: outcomes + 2 })
    const stored = outcomeRows(bench).flatMap(row => JSON.parse(row.json!))
    expect(stored.length).toBe((outcomes * 3) / 4 + 1)
  })

  test.each(['as it was', 'restarted'])(
    'of too many clients, the one whose last use is longest ago is forgotten: %s',
    how => {
      const bench = initialisedBench()
      const { clients } = stateLimits
      for (let i = 0; i < clients; i++) put(bench, `c${i}`, 1, 0)
      put(bench, 'c0', 2, 0)
      bench.save()
      if (how === 'restarted') bench.restart()
      put(bench, 'one more', 1, 0)
      bench.save()
      expect([...bench.disk.keys()].filter(key => key.startsWith('client/')).length).toBe(clients)
      expect(outcomeRows(bench).length).toBe(clients)
      expect(put(bench, 'c0', 1, 0)).toEqual({ ok: true, index: 2 })
      expect(put(bench, 'c2', 1, 0)).toEqual({ ok: true, index: 4 })
      // c1 was the oldest: its request is taken for a new one.
      const applied = bench.state.applied
      expect(put(bench, 'c1', 1, 0)).toEqual({ ok: true, index: applied + 1 })
    },
  )
})

function put(bench: Bench, client: string, serial: number, acked: number): Outcome {
  const value = Buffer.from(String(bench.log.length))
  return bench.apply('KvPut', { key: 'k', value, flags: 0 }, { client, serial, acked }).outcome
}

function outcomeRows(bench: Bench) {
  bench.save()
  return [...bench.disk.values()].filter(row => row.table === 'outcome')
}
