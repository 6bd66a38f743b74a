import { expect, test } from 'vitest'
import { utf8 } from '../../src/base/utf8.ts'
import { World } from './world.ts'

/** A read that waits for news is answered when there is some, and not because somebody tried in vain. */
test('a held read sleeps through refused swaps and through what changes nothing, and wakes for a change', async () => {
  const world = new World()
  await world.cluster3()
  await world.put('n1', 'k', 'first')
  const { index } = await world.ask('n2', b =>
    b.kvRead({ key: 'k', recurse: false, consistency: 'default' }),
  )
  let answered: number | undefined
  world.caller.call(
    world.node('n2'),
    'held read',
    b => b.kvRead({ key: 'k', recurse: false, consistency: 'default', index, wait: 60_000 }),
    result => {
      answered = result.how === 'answered' ? result.value.index : -1
    },
  )
  await world.run(500)
  const swap = { key: 'k', value: utf8('second'), flags: 0, cas: index + 1000, actor: 'test' }
  expect(await world.ask('n3', b => b.kvPut(swap))).toMatchObject({ ok: false })
  await world.put('n1', 'k', 'first')
  await world.run(2_000)
  expect(answered).toBeUndefined()
  await world.put('n1', 'k', 'second')
  await world.until('the read is answered', () => answered !== undefined, 1_000)
  expect(answered).toBeGreaterThan(index)
})

test('a read held by a leader that is relieved of the log hears of changes from whoever has it', async () => {
  const world = new World(2)
  await world.cluster3()
  const leader = (await world.status('n1')).cluster.leader!
  const other = ['n1', 'n2'].find(n => n !== leader)!
  await world.put(leader, 'k', 'first')
  const query = { key: 'k', recurse: false, consistency: 'default' } as const
  const { index } = await world.ask(leader, b => b.kvRead(query))
  let answered: number | undefined
  const held = { ...query, index, wait: 600_000 }
  world.caller.call(
    world.node(leader),
    'held read',
    b => b.kvRead(held),
    result => {
      answered = result.how === 'answered' ? result.value.index : -1
    },
  )
  await world.run(500)
  await world.ask(other, b => b.demote({ node: leader, force: true, actor: 'ann' }))
  await world.until('it has no log', () => !world.facts(leader).group, 500)
  await world.run(2_000)
  expect(answered).toBeUndefined()
  await world.put(other, 'k', 'second')
  await world.until('the read is answered', () => answered !== undefined, 1_500)
  expect(answered).toBeGreaterThan(index)
})
