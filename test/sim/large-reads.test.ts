import { expect, test } from 'vitest'
import type { KvRead } from '../../src/api/types.ts'
import { World } from './world.ts'

/** What is under a prefix may be more than one answer between nodes holds; whichever agent is asked, it comes whole. */

const size = 400 * 1024
const count = 30

async function largeWorld(): Promise<World> {
  const world = new World()
  await world.cluster3()
  for (let i = 0; i < count; i++) {
    const value = new Uint8Array(size).fill(i)
    const put = { key: `big/${String(i).padStart(2, '0')}`, value, flags: i, actor: 'test' }
    expect(await world.ask('n1', b => b.kvPut(put))).toMatchObject({ ok: true })
  }
  return world
}

const shown = ({ entries }: KvRead) =>
  entries.map(({ key, flags, value }) => `${key} ${flags} ${value.length} ${value[size - 1]}`)

test('a read of all keys under a prefix is whole at every agent', async () => {
  const world = await largeWorld()
  const query = { key: 'big/', recurse: true, consistency: 'default' } as const
  const reads: KvRead[] = []
  for (const name of ['n1', 'n2', 'n3']) reads.push(await world.ask(name, b => b.kvRead(query)))
  const expected = Array.from(
    { length: count },
    (_, i) => `big/${String(i).padStart(2, '0')} ${i} ${size} ${i}`,
  )
  for (const read of reads) expect(shown(read)).toEqual(expected)
  expect(new Set(reads.map(({ index }) => index)).size).toBe(1)
})

test('keys alone come without their values', async () => {
  const world = await largeWorld()
  const query = { key: 'big/', recurse: true, bare: true, consistency: 'default' } as const
  for (const name of ['n1', 'n2', 'n3']) {
    const { entries } = await world.ask(name, b => b.kvRead(query))
    expect(entries).toHaveLength(count)
    expect(entries.every(({ value }) => value.length === 0)).toBe(true)
  }
})

test('what changes while it is read is read anew, and is never a mixture', async () => {
  const world = await largeWorld()
  const query = { key: 'big/', recurse: true, consistency: 'default' } as const
  const { cluster } = await world.status('n1')
  const other = ['n1', 'n2', 'n3'].find(name => name !== cluster.leader)!
  let read: KvRead | undefined
  world.caller.call(
    world.node(other),
    'large read',
    b => b.kvRead(query),
    result => {
      if (result.how === 'answered') read = result.value
    },
  )
  // Both ends in one event, as a reader of a mixture would not see them.
  const before = await world.ask('n1', b =>
    b.kvDelete({ key: 'big/0', recurse: true, actor: 'test' }),
  )
  await world.until('the read is answered', () => read !== undefined, 10_000)
  const keys = read!.entries.map(({ key }) => key)
  if (read!.index < before.index) expect(keys).toHaveLength(count)
  else expect(keys.filter(key => key.startsWith('big/0'))).toEqual([])
})
