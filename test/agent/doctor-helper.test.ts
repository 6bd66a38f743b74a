import { expect, test } from 'vitest'
import { Helper } from '../../src/agent/doctor/helper.ts'
import { datagramSizes } from '../../src/cluster/doctor.ts'
import type { Datagrams } from '../../src/net/datagrams.ts'
import type { RequestOutcome } from '../../src/net/link-types.ts'
import type { Sockets } from '../../src/net/types.ts'
import { ManualClock } from '../net/manual-clock.ts'

/** What a member can make another one send in the name of an examination: little, and only to itself. */
function bench() {
  const clock = new ManualClock()
  const sent: string[] = []
  const datagrams = {
    probe: (to: { host: string }, _nonce: number, bytes: number) => {
      sent.push(`${to.host} ${bytes}`)
      return true
    },
  } as unknown as Datagrams
  const sockets = {
    dial: (to: { host: string }) => {
      sent.push(`dial ${to.host}`)
      return { destroy() {} }
    },
  } as unknown as Sockets
  const helper = new Helper({
    ...{ clock, sockets, datagrams: () => datagrams },
    addressOf: id => (id.startsWith('member') ? { host: `of-${id}`, port: 4483 } : undefined),
  })
  const ask = (from: string, method: string, body: Record<string, unknown> = {}) => {
    let outcome: RequestOutcome | undefined
    const answer = (o: RequestOutcome) => {
      outcome = o
    }
    helper.methods()[method]!({ from, body, blob: new Uint8Array(0), answer })
    return outcome
  }
  return { clock, sent, helper, ask }
}

const budget = 2 * datagramSizes.length

test('probes go to the address that is agreed, whatever the question says', () => {
  const { ask, sent } = bench()
  ask('member1', 'doctor-probe', { nonce: 1, address: { host: 'victim', port: 53 }, to: 'victim' })
  expect(sent).toHaveLength(budget)
  expect(new Set(sent.map(s => s.split(' ')[0]))).toEqual(new Set(['of-member1']))
  expect(ask('stranger', 'doctor-probe', { nonce: 1 })).toMatchObject({ code: 'UNKNOWN_NODE' })
  expect(ask('stranger', 'doctor-dial')).toMatchObject({ code: 'UNKNOWN_NODE' })
  expect(sent).toHaveLength(budget)
})

test('asked without a pause it is busy; a moment later it helps again', () => {
  const { ask, sent, clock } = bench()
  ask('member1', 'doctor-probe', { nonce: 1 })
  expect(ask('member1', 'doctor-probe', { nonce: 2 })).toMatchObject({ code: 'BUSY' })
  expect(ask('member2', 'doctor-probe', { nonce: 2 })).toMatchObject({ ok: true })
  clock.advance(600)
  expect(ask('member1', 'doctor-probe', { nonce: 3 })).toMatchObject({ ok: true })
  expect(sent).toHaveLength(3 * budget)
})

test('all members together have a budget too', () => {
  const { ask, sent } = bench()
  for (let i = 0; i < 10_000; i++) ask(`member${i}`, 'doctor-dial')
  expect(sent).toHaveLength(100)
})

test('only what was asked for counts, of the one that it was asked of', () => {
  const { ask, helper } = bench()
  ask('member1', 'doctor-probe', { nonce: 7 })
  helper.arrived('member1', 7, 1400)
  helper.arrived('member1', 8, 1000)
  helper.arrived('member2', 7, 548)
  expect(ask('member1', 'doctor-seen', { nonce: 7 })).toMatchObject({ body: { sizes: [1400] } })
  expect(ask('member2', 'doctor-seen', { nonce: 7 })).toMatchObject({ body: { sizes: [] } })
  expect(() => ask('member1', 'doctor-probe', { nonce: 'x' })).toThrow(/nonce/)
})
