import { expect, test } from 'vitest'
import { World } from './world.ts'

/** `hive why`, asked of whole agents after things have happened to them. */

const texts = (report: { readonly lines: readonly { readonly text: string }[] }) =>
  report.lines.map(l => l.text).join('\n')

test('an election, a node, a join and an epoch have their reasons, whoever is asked', async () => {
  const world = new World(11)
  await world.cluster3(['n4', 'n5'])
  const first = (await world.status('n4')).cluster.leader!
  await world.ask('n4', b =>
    b.changeSettings({ settings: { 'tombstone-grace': '1s' }, actor: 'ann' }),
  )
  await world.ask('n4', b => b.leave({ node: 'n5', force: true, actor: 'ann' }))
  await world.sees('n4', 'epoch 2', r => r.cluster.epoch === 2)
  world.kill(first)
  await world.sees('n4', 'it failed', r =>
    r.nodes.some(n => n.name === first && n.state === 'failed'),
  )
  const { leader } = (await world.sees('n4', 'another leads', r => r.cluster.leader !== first))
    .cluster

  const election = await world.ask('n4', b => b.why({ about: 'election', name: '' }))
  expect(election.conclusion).toMatch(new RegExp(`^${leader} leads in term \\d+ since event \\d+`))
  expect(texts(election)).toMatch(new RegExp(`${first} was elected[\\s\\S]*${leader} was elected`))
  expect(election.silent).toEqual([first])

  const node = await world.ask('n4', b => b.why({ about: 'node', name: first }))
  expect(texts(node)).toMatch(/failed: .*could not reach it/)

  const epoch = await world.ask('n4', b => b.why({ about: 'epoch', name: '' }))
  expect(texts(epoch)).toMatch(/epoch 1: [\s\S]*epoch 2/)

  await world.knock(leader!, { name: 'stray', protocolMin: 9, protocolMax: 9 })
  const join = await world.ask('n4', b => b.why({ about: 'join', name: 'stray' }))
  expect(join.lines).toContainEqual(
    expect.objectContaining({ where: leader, text: expect.stringMatching(/VERSION_MISMATCH/) }),
  )
  await expect(
    world.ask('n4', b => b.why({ about: 'node', name: 'nobody' })),
  ).rejects.toMatchObject({ code: 'UNKNOWN_NODE' })
})

test('without a leader a node that keeps no log is told by the control node that is left', async () => {
  const world = new World(12)
  await world.cluster3(['n4'])
  world.kill('n1', 'n2')
  await world.sees('n4', 'nobody leads', r => r.cluster.leader === null)
  const node = await world.ask('n4', b => b.why({ about: 'node', name: 'n1' }))
  expect(node).toMatchObject({ subject: 'n1', toldBy: 'n3' })
  expect(texts(node)).toMatch(/was there when the cluster «prod» was made/)
  const election = await world.ask('n4', b => b.why({ about: 'election', name: '' }))
  expect(texts(election)).toMatch(/was elected/)
  expect(election.silent).toEqual(['n1', 'n2'])
  world.kill('n3')
  await expect(world.ask('n4', b => b.why({ about: 'node', name: 'n1' }))).rejects.toMatchObject({
    code: 'NO_QUORUM',
  })
  world.start('n1', 'n2', 'n3')
  await world.sees('n4', 'somebody leads', r => r.cluster.leader !== null)
  const after = await world.ask('n4', b => b.why({ about: 'node', name: 'n1' }))
  expect(after.toldBy).toBeUndefined()
})
