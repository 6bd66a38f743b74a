import fc from 'fast-check'
import { expect, test } from 'vitest'
import { onwards, Rings, ringCount, ringPosition } from '../../src/base/rings.ts'

const names = (n: number) => Array.from({ length: n }, (_, i) => `node-${i}`)

/** The slow, obvious twin. */
function neighbours(ids: readonly string[], id: string, size: number): Set<string> {
  const others = ids.filter(other => other !== id)
  const sides = Array.from({ length: ringCount }, (_, ring) => {
    const own = ringPosition(id, ring)
    const way = (other: string) => onwards(own, ringPosition(other, ring))
    const ahead = others.toSorted((a, b) => way(a) - way(b))
    return [ahead, ahead.toReversed()]
  }).flat()
  const out = new Set<string>()
  for (let rank = 0; rank < others.length; rank++)
    for (const side of sides) if (out.size < size) out.add(side[rank]!)
  return out
}

test('neighbours are those whom sorting by distance finds, whatever came and went before', () => {
  const ids = fc.uniqueArray(fc.integer({ min: 0, max: 500 }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(ids, ids, fc.integer({ min: 1, max: 40 }), (coming, going, size) => {
      const rings = new Rings(coming.map(i => `node-${i}`))
      for (const i of going) rings.remove(`node-${i}`)
      const left = coming.filter(i => !going.includes(i)).map(i => `node-${i}`)
      for (const id of ['node-1', 'node-1000']) {
        expect(new Set(rings.neighbours(id, size))).toEqual(neighbours(left, id, size))
      }
      for (const i of coming) rings.add(`node-${i}`)
      expect(rings.size).toBe(coming.length)
    }),
  )
})

test('nearly everybody is kept by those it keeps', () => {
  const ids = names(1000)
  const rings = new Rings(ids)
  const slices = new Map(ids.map(id => [id, new Set(rings.neighbours(id, 64))]))
  let mutual = 0
  for (const [id, slice] of slices)
    for (const other of slice) if (slices.get(other)!.has(id)) mutual++
  expect(mutual / (1000 * 64)).toBeGreaterThan(0.97)
})

test('names that differ in one place stand far apart, and each ring has its own order', () => {
  const rings = new Rings(names(1000))
  const slice = rings.neighbours('node-500', 64)
  const near = slice.filter(id => Math.abs(Number(id.slice(5)) - 500) < 50)
  expect(slice).toHaveLength(64)
  expect(near.length).toBeLessThan(20)
})
