import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seeded, shuffled } from '../../src/base/random.ts'
import { limits } from '../../src/swim/config.ts'
import { Swim, swimDefaults } from '../../src/swim/swim.ts'
import type { MemberInfo, SwimReady, Update } from '../../src/swim/types.ts'

function info(id: string, incarnation = 1): MemberInfo {
  const address = { host: id, port: 4483 }
  return { id, name: id, address, incarnation, meta: new Uint8Array() }
}

/** A node that knows b and x, both of incarnation 0. */
function node(change: Partial<typeof swimDefaults> = {}): Swim {
  const swim = new Swim({ ...swimDefaults, ...change }, info('a'), seeded(7), 0)
  swim.step({ type: 'introduce', members: [info('b', 0), info('x', 0)] }, 0)
  return swim
}

function gossip(swim: Swim, updates: readonly Update[], now = 0, from = 'b'): void {
  const fromAddress = { host: from, port: 4483 }
  const message = { type: 'gossip', updates } as const
  swim.step({ type: 'message', from, fromAddress, via: 'datagram', message }, now)
}

/** Runs the clock until `end` with nobody answering. */
function runTo(swim: Swim, end: number): SwimReady['changes'][number][] {
  const changes: SwimReady['changes'][number][] = []
  for (let at = swim.wakeAt(); at !== undefined && at <= end; at = swim.wakeAt()) {
    swim.tick(at)
    for (let ready = swim.ready(); ready; ready = swim.ready()) changes.push(...ready.changes)
  }
  return changes
}

const incarnation = fc.nat(4)
const update: fc.Arbitrary<Update> = fc.oneof(
  incarnation.map((n): Update => ({ kind: 'alive', member: info('x', n) })),
  fc
    .tuple(incarnation, fc.constantFrom('b', 'c', 'd'))
    .map(([n, accuser]): Update => ({ kind: 'suspect', id: 'x', incarnation: n, accuser })),
  incarnation.map((n): Update => ({ kind: 'failed', id: 'x', incarnation: n })),
)

/** The obvious twin: the highest incarnation, and of that the worst that is said. */
function worstOfNewest(updates: readonly Update[]): [number, string] {
  const order = ['alive', 'suspect', 'failed']
  let newest: [number, string] = [0, 'alive']
  for (const u of updates) {
    const said: [number, string] = [
      u.kind === 'alive' ? u.member.incarnation : u.incarnation,
      u.kind,
    ]
    const worse = order.indexOf(said[1]) > order.indexOf(newest[1])
    if (said[0] > newest[0] || (said[0] === newest[0] && worse)) newest = said
  }
  return newest
}

test('the order in which gossip comes in does not matter', () => {
  fc.assert(
    fc.property(fc.array(update), fc.integer(), (updates, seed) => {
      const swim = node()
      for (const u of shuffled(updates, seeded(seed))) gossip(swim, [u])
      const { incarnation, status } = swim.member('x')!
      expect([incarnation, status]).toEqual(worstOfNewest(updates))
    }),
  )
})

test('what is believed of x matches the changes that were told', () => {
  fc.assert(
    fc.property(fc.array(update), updates => {
      const swim = node()
      let told: string | undefined
      for (const u of updates) {
        gossip(swim, [u])
        for (const { member, before } of swim.ready()?.changes ?? []) {
          if (member.id !== 'x') continue
          expect(before).toBe(told)
          told = member.status
        }
      }
      if (updates.length > 0) expect(swim.member('x')?.status).toBe(told)
    }),
  )
})

describe('bounds', () => {
  test('accusers of one member are few', () => {
    const swim = node()
    for (let i = 0; i < 50; i++) {
      gossip(swim, [{ kind: 'suspect', id: 'x', incarnation: 0, accuser: `c${i}` }])
    }
    expect(swim.member('x')?.accusers.length).toBe(limits.accusers)
  })

  test('nobody can accuse himself', () => {
    const swim = node()
    gossip(swim, [{ kind: 'suspect', id: 'x', incarnation: 0, accuser: 'x' }])
    expect(swim.member('x')?.status).toBe('alive')
  })

  test('a member whose description would fit no message is not met', () => {
    const swim = node()
    const long = { ...info('y'), name: 'n'.repeat(limits.nameBytes + 1) }
    swim.step({ type: 'introduce', members: [long] }, 0)
    expect(swim.member('y')).toBeUndefined()
  })

  test('this node may not describe itself so either', () => {
    const meta = new Uint8Array(limits.metaBytes + 1)
    expect(() => node().step({ type: 'update-self', meta }, 0)).toThrow(/limits of a message/)
  })

  test('a verdict is remembered for a day, not for ever, and reminders do not prolong that', () => {
    const swim = node({ verdictMemory: 10_000 })
    swim.step({ type: 'verdict', id: 'x', incarnation: 3, verdict: 'failed' }, 0)
    runTo(swim, 6000)
    gossip(swim, [{ kind: 'failed', id: 'x', incarnation: 4 }], 6000)
    expect(swim.member('x')?.status).toBe('failed')
    runTo(swim, 10_001)
    expect(swim.member('x')).toBeUndefined()
    gossip(swim, [{ kind: 'failed', id: 'x', incarnation: 4 }], 10_001)
    gossip(swim, [{ kind: 'alive', member: info('x', 4) }], 10_001)
    expect(swim.member('x')?.status).toBe('alive')
  })

  test('a member that came back meanwhile is not forgotten with its old verdict', () => {
    const swim = node({ verdictMemory: 10_000 })
    swim.step({ type: 'verdict', id: 'x', incarnation: 3, verdict: 'failed' }, 0)
    gossip(swim, [{ kind: 'alive', member: info('x', 4) }])
    runTo(swim, 20_000)
    expect(swim.member('x')).toBeDefined()
  })
})

test('a refutation that comes while a probe is under way outweighs the probe', () => {
  const swim = node({ gossipFanout: 0, pushPullPeriod: 1e9 })
  runTo(swim, 500)
  gossip(swim, [{ kind: 'alive', member: info('b', 1) }], 500)
  gossip(swim, [{ kind: 'alive', member: info('x', 1) }], 500, 'x')
  const changes = runTo(swim, 700)
  expect(changes.filter(({ member }) => member.status !== 'alive')).toEqual([])
  expect(swim.member('b')?.status).toBe('alive')
  expect(swim.member('x')?.status).toBe('alive')
})

test('with nobody known there is nothing to do, and nothing to wake up for', () => {
  const swim = new Swim(swimDefaults, info('a'), seeded(1), 0)
  expect(swim.ready()).toBeUndefined()
  expect(swim.wakeAt()).toBeUndefined()
  swim.tick(1e6)
  expect(swim.ready()).toBeUndefined()
})
