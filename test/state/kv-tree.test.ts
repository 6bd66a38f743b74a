import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareKeys, utf8Length } from '../../src/state/kv-key.ts'
import { type Keyed, KvTree } from '../../src/state/kv-tree.ts'

const text = fc.string({ unit: 'binary', maxLength: 4 })
const collidingText = fc.string({
  unit: fc.constantFrom('a', 'b', '/', 'é', '\ud7ff', '\ue000', '\uffff', '😀', '\u{10ffff}'),
  maxLength: 5,
})

describe('keys', () => {
  test('are ordered as their UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.oneof(text, collidingText), fc.oneof(text, collidingText), (a, b) => {
        const slow = Buffer.compare(Buffer.from(a), Buffer.from(b))
        expect(Math.sign(compareKeys(a, b))).toBe(slow)
      }),
      { numRuns: 2000 },
    )
  })

  test('are as long as their UTF-8, or not text at all', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map(u => String.fromCharCode(u)) }),
        key => {
          const wellFormed = Buffer.from(key).toString() === key
          expect(utf8Length(key)).toBe(wellFormed ? Buffer.byteLength(key) : -1)
        },
      ),
    )
    expect(utf8Length('\ud83d')).toBe(-1)
    expect(utf8Length('\ude00\ud83d')).toBe(-1)
    expect(utf8Length('😀é€a')).toBe(10)
  })
})

/** The slow twin: an array, sorted by bytes when asked. */
class Twin {
  readonly entries = new Map<string, Keyed>()

  list(prefix: string): Keyed[] {
    const under = [...this.entries.values()].filter(({ key }) => key.startsWith(prefix))
    return under.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
  }
}

// A few letters to the power of some places: thousands of keys, in runs with common prefixes.
// And three keys that are written, read and deleted over and over.
const manyKeys = fc.oneof(
  fc.constantFrom('a1/1', 'b2/2', 'b2/3'),
  fc
    .tuple(fc.constantFrom('a', 'b', 'é/', '😀'), fc.nat(15), fc.nat(200))
    .map(([letter, folder, leaf]) => `${letter}${folder}/${leaf}`),
)
const manyPrefixes = fc.oneof(
  manyKeys,
  manyKeys.map(key => key.slice(0, key.indexOf('/') + 1)),
  fc.constantFrom('', 'a', 'b1', 'é', 'zz', '0', '😀'),
)

const operation = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({ what: fc.constant('set' as const), key: manyKeys, index: fc.nat(999) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('fill' as const),
      key: manyPrefixes,
      index: fc.nat(999),
    }),
  },
  { weight: 20, arbitrary: fc.record({ what: fc.constant('get' as const), key: manyKeys }) },
  { weight: 20, arbitrary: fc.record({ what: fc.constant('delete' as const), key: manyKeys }) },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('delete under' as const), key: manyPrefixes }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      what: fc.constant('look' as const),
      key: manyPrefixes,
      limit: fc.nat(50),
      after: fc.oneof(manyKeys, manyPrefixes),
    }),
  },
)

const written = (entries: readonly Keyed[]): string[] =>
  entries.map(({ key, modifyIndex }) => `${key} ${modifyIndex}`)

test('a sum is made anew only where something changed', () => {
  const tree = new KvTree<Keyed>()
  for (let i = 0; i < 5_000; i++) {
    tree.append({ key: `k${String(i).padStart(5, '0')}`, modifyIndex: i })
  }
  let added = 0
  const count = (entries: readonly Keyed[]): number => {
    added += 1
    return entries.length
  }
  const total = () => [...tree.sums(count)].reduce((sum, more) => sum + more, 0)
  expect(total()).toBe(5_000)
  const chunks = added
  expect(chunks).toBeGreaterThan(8)
  expect(total()).toBe(5_000)
  expect(added).toBe(chunks)
  tree.set({ key: 'k00007', modifyIndex: 9_999 })
  tree.delete('k04000')
  expect(total()).toBe(4_999)
  expect(added).toBe(chunks + 2)
  // What changes between two of them does no harm.
  for (const _ of tree.sums(count)) tree.deletePrefix('k00')
  expect(total()).toBe(tree.size)
})

test('the tree does what a sorted array does', () => {
  fc.assert(
    fc.property(fc.array(operation, { minLength: 1, maxLength: 200, size: 'max' }), operations => {
      const tree = new KvTree<Keyed>()
      const twin = new Twin()
      for (const op of operations) {
        switch (op.what) {
          case 'set':
            put(tree, twin, op.key, op.index)
            break
          case 'fill':
            for (let i = 0; i < 400; i++)
              put(tree, twin, `${op.key}${(i * 7919) % 400}`, op.index + i)
            break
          case 'get':
            expect(tree.get(op.key)).toEqual(twin.entries.get(op.key))
            break
          case 'delete':
            expect(tree.delete(op.key)).toEqual(twin.entries.get(op.key))
            twin.entries.delete(op.key)
            break
          case 'delete under': {
            const removed = tree.deletePrefix(op.key)
            expect(removed).toEqual(twin.list(op.key))
            for (const { key } of removed) twin.entries.delete(key)
            break
          }
          case 'look': {
            const under = twin.list(op.key)
            expect(tree.list(op.key, op.limit)).toEqual(under.slice(0, op.limit))
            expect([...tree.walk(op.key)]).toEqual(under)
            const behind = under.filter(({ key }) => compareKeys(key, op.after) > 0)
            expect([...tree.walk(op.key, op.after)]).toEqual(behind)
            expect([...tree.sums(written)].flat()).toEqual(written(twin.list('')))
            expect(tree.maxIndex(op.key)).toBe(Math.max(0, ...under.map(e => e.modifyIndex)))
            break
          }
          default:
            op satisfies never
        }
        expect(tree.size).toBe(twin.entries.size)
      }
      expect([...tree]).toEqual(twin.list(''))
      const again = KvTree.from([...tree])
      expect([...again]).toEqual([...tree])
      expect(again.maxIndex('a')).toBe(tree.maxIndex('a'))
    }),
    { numRuns: 60 },
  )
})

test('entries in any order make the same tree, and the last of equal keys stays', () => {
  const entries = ['b', 'a', 'c', 'a'].map((key, i) => ({ key, modifyIndex: i + 1 }))
  expect([...KvTree.from(entries)].map(e => [e.key, e.modifyIndex])).toEqual([
    ['a', 4],
    ['b', 1],
    ['c', 3],
  ])
})

test('what a read found is not where a write puts it once others are gone', () => {
  const tree = KvTree.from(['a1', 'a2', 'b', 'c'].map((key, i) => ({ key, modifyIndex: i + 1 })))
  tree.get('b')
  tree.deletePrefix('a')
  tree.set({ key: 'b', modifyIndex: 9 })
  expect([...tree].map(e => [e.key, e.modifyIndex])).toEqual([
    ['b', 9],
    ['c', 4],
  ])
})

test('keys that arrive in order are found, thousands of them, and so are their indexes', () => {
  const tree = new KvTree<Keyed>()
  const key = (i: number) => `k${String(i).padStart(5, '0')}`
  for (let i = 1; i <= 5000; i++) tree.set({ key: key(i), modifyIndex: i })
  expect(tree.get(key(4999))?.modifyIndex).toBe(4999)
  expect(tree.list('k01').length).toBe(1000)
  expect(tree.maxIndex('k01')).toBe(1999)
  expect(tree.maxIndex('')).toBe(5000)
  tree.delete(key(5000))
  expect(tree.maxIndex('')).toBe(4999)
  expect(tree.deletePrefix('k').length).toBe(4999)
  expect([tree.size, tree.maxIndex(''), tree.list('')]).toEqual([0, 0, []])
})

function put(tree: KvTree<Keyed>, twin: Twin, key: string, modifyIndex: number): void {
  tree.set({ key, modifyIndex })
  twin.entries.set(key, { key, modifyIndex })
}
