import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seeded } from '../../src/base/random.ts'
import { uuidv7 } from '../../src/base/uuid.ts'
import { encodeSwim } from '../../src/net/gossip-codec.ts'
import { exchangePeriod, split } from '../../src/swim/exchange.ts'
import { Swim, swimDefaults } from '../../src/swim/swim.ts'
import type { MemberInfo, Outgoing, Update } from '../../src/swim/types.ts'
import { updateBytes } from '../../src/swim/update-size.ts'

const random = seeded('exchange')

function info(name: string): MemberInfo {
  const address = { host: '192.168.100.100', port: 4483 }
  const id = uuidv7(1.7e12, random)
  return { id, name, address, incarnation: 1, meta: new Uint8Array(40) }
}

function exchanges(swim: Swim): Outgoing[] {
  return (swim.ready()?.send ?? []).filter(out => out.message.type === 'push-pull')
}

function hand(out: readonly Outgoing[], from: MemberInfo, to: Swim): void {
  for (const { via, message } of out) {
    const { id, address } = from
    to.step({ type: 'message', from: id, fromAddress: address, via, message }, 0)
  }
}

test('the period grows by one with each doubling beyond 32 members', () => {
  const periods = [1, 32, 33, 64, 65, 1024, 10_000].map(size => exchangePeriod(30, size))
  expect(periods).toEqual([30, 30, 60, 60, 90, 180, 300])
})

test('pieces keep everything in order, and each its size', () => {
  const update = fc
    .string({ maxLength: 60 })
    .map((name): Update => ({ kind: 'alive', member: info(name) }))
  fc.assert(
    fc.property(fc.array(update), fc.integer({ min: 100, max: 1000 }), (updates, max) => {
      const pieces = split(updates, max)
      expect(pieces.flat()).toEqual(updates)
      expect(pieces.length).toBeGreaterThan(0)
      for (const piece of pieces) {
        const bytes = piece.reduce((sum, u) => sum + updateBytes(u), 0)
        if (piece.length > 1) expect(bytes).toBeLessThanOrEqual(max)
      }
    }),
  )
})

test('thousands of members go both ways in messages of at most 64 KiB, with one answer', () => {
  const a = info('a')
  const b = info('b')
  const swimA = new Swim(swimDefaults, a, random.fork(), 0)
  const swimB = new Swim(swimDefaults, b, random.fork(), 0)
  const known = Array.from({ length: 3000 }, (_, i) => info(`a${i}`))
  const others = Array.from({ length: 2000 }, (_, i) => info(`b${i}`))
  swimA.step({ type: 'introduce', members: [b] }, 0)
  exchanges(swimA)
  swimB.step({ type: 'introduce', members: [a] }, 0)
  exchanges(swimB)
  swimA.step({ type: 'introduce', members: known }, 0)
  swimB.step({ type: 'introduce', members: others }, 0)

  const ask = { type: 'push-pull', reply: false, updates: [] } as const
  hand([{ to: b.id, address: b.address, via: 'stream', message: ask }], a, swimB)
  const pieces = exchanges(swimB)
  expect(pieces.length).toBeGreaterThan(2)
  for (const { via, message } of pieces) {
    expect(via).toBe('stream')
    expect(message).toMatchObject({ reply: true })
    expect(encodeSwim(message).length).toBeLessThanOrEqual(65_536)
  }
  hand(pieces, b, swimA)
  expect(exchanges(swimA)).toEqual([])
  expect(swimA.members().length).toBe(5001)

  // A question in pieces: only its last one asks for an answer.
  swimA.tick(swimDefaults.pushPullPeriod * 20)
  const questions = exchanges(swimA)
  expect(questions.map(({ message }) => message.type === 'push-pull' && message.reply)).toEqual([
    ...questions.slice(1).map(() => true),
    false,
  ])
})

/** Seed 2107 of the simulator: of 145 nodes that met at once, one did not hear of another for minutes. */
test('a question that no stream was there to carry is asked once more when there is one', () => {
  const [a, b, c] = [info('a'), info('b'), info('c')]
  const swim = new Swim(swimDefaults, a, random.fork(), 0)
  swim.step({ type: 'introduce', members: [b] }, 0)
  expect(exchanges(swim).map(out => out.to)).toEqual([b.id])
  // Nobody answers. Then there is a stream to somebody else, then to whom it asked, and later a new one.
  swim.step({ type: 'introduce', members: [c] }, 1)
  expect(exchanges(swim)).toEqual([])
  swim.step({ type: 'introduce', members: [b] }, 2)
  expect(exchanges(swim).map(out => out.to)).toEqual([b.id])
  swim.step({ type: 'introduce', members: [b] }, 3)
  expect(exchanges(swim)).toEqual([])
})

test('a question that was answered is not asked again', () => {
  const [a, b] = [info('a'), info('b')]
  const swim = new Swim(swimDefaults, a, random.fork(), 0)
  swim.step({ type: 'introduce', members: [b] }, 0)
  expect(exchanges(swim)).toHaveLength(1)
  const message = { type: 'push-pull', reply: true, updates: [] } as const
  hand([{ to: a.id, address: a.address, via: 'stream', message }], b, swim)
  swim.step({ type: 'introduce', members: [b] }, 1)
  expect(exchanges(swim)).toEqual([])
})
