import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seeded } from '../../src/base/random.ts'
import { Rotation } from '../../src/swim/rotation.ts'

function rotationOf(size: number, seed: number) {
  const random = seeded(seed)
  const rotation = new Rotation<number>()
  for (let i = 0; i < size; i++) rotation.add(i, random)
  return { rotation, random }
}

test('everybody has one turn in each round (SWIM §4.3)', () => {
  const { rotation, random } = rotationOf(50, 1)
  for (let round = 0; round < 5; round++) {
    const turns = Array.from({ length: 50 }, () => rotation.next(random))
    expect(new Set(turns).size).toBe(50)
  }
})

test('two turns of one member are at most 2n − 1 steps apart', () => {
  const { rotation, random } = rotationOf(20, 3)
  const last = new Map<number, number>()
  for (let step = 0; step < 2000; step++) {
    const item = rotation.next(random)!
    const before = last.get(item)
    if (before !== undefined) expect(step - before).toBeLessThanOrEqual(39)
    last.set(item, step)
  }
  expect(last.size).toBe(20)
})

test('the order differs from round to round and favours nobody', () => {
  const { rotation, random } = rotationOf(5, 4)
  const firsts = new Map<number, number>()
  for (let round = 0; round < 5000; round++) {
    const first = rotation.next(random)!
    firsts.set(first, (firsts.get(first) ?? 0) + 1)
    for (let i = 1; i < 5; i++) rotation.next(random)
  }
  for (const count of firsts.values()) expect(count / 1000).toBeCloseTo(1, 0)
})

test('comings and goings in the middle of a round cost nobody a turn, and give none twice', () => {
  const step = fc.tuple(fc.constantFrom('next', 'next', 'add', 'remove'), fc.nat(15))
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { maxLength: 200 }), (seed, steps) => {
      const random = seeded(seed)
      const rotation = new Rotation<number>()
      const members = new Set<number>()
      const had = new Set<number>()
      for (const [what, item] of steps) {
        if (what === 'add') {
          rotation.add(item, random)
          members.add(item)
        } else if (what === 'remove') {
          rotation.remove(item)
          members.delete(item)
          had.delete(item)
        } else {
          const next = rotation.next(random)
          if (members.size === 0) expect(next).toBeUndefined()
          else {
            expect(members).toContain(next)
            // Twice only if a new round began: then nobody who was there at the last turn waits.
            if (had.has(next!)) had.clear()
            had.add(next!)
          }
        }
        expect(rotation.size).toBe(members.size)
        expect(rotation.has(item)).toBe(members.has(item))
      }
    }),
  )
})

test('a sample has no doubles and nobody unwanted, small or large', () => {
  for (const size of [0, 1, 3, 64, 65, 1000]) {
    const { rotation, random } = rotationOf(size, size)
    for (let i = 0; i < 50; i++) {
      const sample = rotation.sample(5, random, item => item % 2 === 0)
      expect(new Set(sample).size).toBe(sample.length)
      expect(sample.every(item => item % 2 === 0)).toBe(true)
      expect(sample.length).toBe(Math.min(5, Math.ceil(size / 2)))
    }
  }
})

test('a sample favours nobody', () => {
  const { rotation, random } = rotationOf(10, 5)
  const counts = new Array<number>(10).fill(0)
  for (let i = 0; i < 10_000; i++) {
    for (const item of rotation.sample(2, random, () => true)) counts[item]!++
  }
  for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(200)
})
