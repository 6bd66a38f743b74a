import { expect, test } from 'vitest'
import type { InitAnswer } from '../../src/api/types.ts'
import { type Agent, allReady, endsAgents, eventually, node, zombies } from '../support/agents.ts'

/** From agents that know one address to a cluster. */

endsAgents()

test('init picks control nodes, says why, and is the same from every node', async () => {
  const all = await zombies(4)
  const [n1, n2, , n4] = all as [Agent, Agent, Agent, Agent]
  expect(await n1.hive('status')).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/zombie .* 4 nodes in sight[\s\S]*hive init/),
  })

  const first = await n1.hive('init', '--name', 'prod')
  expect(first).toMatchObject({ code: 0, stderr: '' })
  expect(first.stdout).toMatch(/^prod is active {3}tag [0-9a-f-]{36}\n/)
  expect(first.stdout).toMatch(/control nodes: n1, n2, n3 \(3 of 4 present: the largest odd number/)
  expect(first.stdout).toContain(`--join ${n1.address}`)
  await allReady(all)

  const { tag } = (await n1.status()).cluster
  for (const agent of [n2, n4]) {
    const again = await agent.json<InitAnswer>('init', '--name', 'prod', '--control', 'n3,n1,n2')
    expect(again).toMatchObject({ tag, name: 'prod', repeated: true })
    expect(await agent.hive('init')).toMatchObject({ code: 0 })
    const other = await agent.hive('init', '--name', 'test')
    expect(other).toMatchObject({ code: 1, stdout: '' })
    expect(other.stderr).toMatch(
      /^error: already initialised as «prod», tag .*\n {2}do: .*hive reset/,
    )
    expect(await agent.hive('init', '--control', 'n1,n2,n4')).toMatchObject({ code: 1 })
  }
  expect((await n4.status()).cluster).toMatchObject({ tag, leader: expect.any(String) })
})

test('init with named control nodes, asked of one that is none of them', async () => {
  const all = await zombies(3)
  const answer = await all[2]!.json<InitAnswer>('init', '--name', 'two', '--control', 'n2')
  expect(answer).toMatchObject({ control: ['n2'], name: 'two', repeated: false, why: /operator/ })
  await allReady(all)
  const { nodes, cluster } = await all[0]!.status()
  expect(nodes.map(n => `${n.name} ${n.control}`)).toEqual(['n1 none', 'n2 leader', 'n3 none'])
  expect(cluster.quorum).toMatchObject({ voters: 1, needed: 1, reachable: 1 })
})

test('a node that was told to join others, and sees none, is no cluster by mistake', async () => {
  const absent = await node('n2')
  const n1 = await (await node('n1', { join: [absent] })).start().answers()
  const alone = await n1.hive('init', '--name', 'prod')
  expect(alone).toMatchObject({ code: 1, stdout: '' })
  expect(alone.stderr).toMatch(
    /^error: n1 sees nobody: no answer from 127\.0\.0\.1:\d+\n {2}do: start the others.* hive init --control n1/,
  )
  await n1.sees({ n1: 'zombie' })
  const lonely = await (await node('n3', { args: ['--join', '127.0.0.9'] })).start().answers()
  const { notices } = await lonely.reports('whom it looks for, as it was given', status =>
    status.notices.some(text => text.startsWith('127.0.0.9 does not answer: nobody listens')),
  )
  expect(notices).toHaveLength(1)
  expect(await n1.hive('init', '--name', 'prod', '--control', 'n1')).toMatchObject({ code: 0 })
  await n1.sees({ n1: 'ready' })
})

test('an init that one of the named cannot take part in leaves zombies, and a later one works', async () => {
  const all = await zombies(3)
  const [n1, n2, n3] = all as [Agent, Agent, Agent]
  const unknown = await n1.hive('init', '--control', 'n1,n2,n9')
  expect(unknown).toMatchObject({ code: 1 })
  expect(unknown.stderr).toMatch(
    /^error: not in the physical topology: n9\n {2}do: present are n1, n2, n3/,
  )

  // A frozen process answers nothing, and nobody has noticed yet.
  n3.signal('SIGSTOP')
  const frozen = await n1.hive('init', '--name', 'prod', '--control', 'n1,n2,n3')
  expect(frozen).toMatchObject({ code: 1, stdout: '' })
  expect(frozen.stderr).toMatch(/^error: .*(n3|reach)/)
  n3.signal('SIGCONT')
  const zombie = { n1: 'zombie', n2: 'zombie', n3: 'zombie' } as const
  for (const agent of all) await agent.sees(zombie)
  expect((await n2.status()).cluster).toMatchObject({ state: 'zombie', tag: null })

  await n3.kill()
  const dead = await n1.hive('init', '--name', 'prod', '--control', 'n1,n2,n3')
  expect(dead).toMatchObject({ code: 1 })
  expect(dead.stderr).toContain('n3')
  n3.start()
  for (const agent of all) await agent.sees(zombie)
  const later = await n2.hive('init', '--name', 'prod', '--control', 'n1,n2,n3')
  expect(later).toMatchObject({ code: 0 })
  await allReady(all)
})

test('a zombie joins by command, a new node at its start, and a name is had by one only', async () => {
  const [n1] = await zombies(1)
  expect(await n1!.hive('init', '--name', 'prod')).toMatchObject({ code: 0 })
  await n1!.sees({ n1: 'ready' })

  const n2 = await (await node('n2')).start().answers()
  const joined = await n2.hive('join', n1!.address)
  expect(joined).toMatchObject({ code: 0, stdout: expect.stringContaining('joined prod') })
  const n3 = (await node('n3', { join: [n1!] })).start()
  await allReady([n1!, n2, n3])

  const again = await n2.hive('join', n1!.address)
  expect(again).toMatchObject({ code: 1 })
  expect(again.stderr).toMatch(/^error: this node belongs to «prod» already/)

  const double = (await node('n2', { join: [n1!] }, 'n2-again')).start()
  const { notices } = await double.reports('it was refused', ({ refused }) => refused !== undefined)
  expect(notices.join()).toMatch(/NAME_TAKEN.*n2 is taken by .*hive node remove n2/)
  const shown = await double.hive('status')
  expect(shown).toMatchObject({ code: 1 })
  expect(shown.stdout).not.toContain('hive init')
  const told = await double.hive('join', n1!.address)
  expect(told).toMatchObject({ code: 1, stdout: '' })
  expect(told.stderr).toMatch(/^error: .*n2 is taken/)
  expect(await n1!.states()).toEqual({ n1: 'ready', n2: 'ready', n3: 'ready' })
})

test('a zombie that knows nobody says what it waits for, and meets another by hive join', async () => {
  const n1 = await (await node('n1')).start().answers()
  const n2 = await (await node('n2')).start().answers()
  expect(await n2.hive('join', n1.address)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/found other zombies[\s\S]*hive init/),
  })
  for (const agent of [n1, n2]) await agent.sees({ n1: 'zombie', n2: 'zombie' })
  expect(await n2.hive('join', n1.address)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('found other zombies: sees 1 other node'),
  })
  expect(await n2.hive('join', n2.address)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`${n2.address} is this node itself`),
  })
  expect(await n2.hive('join', 'no port:x')).toMatchObject({ code: 2 })
})

test('agents that start before their seed, by address or name, find it later', async () => {
  const n1 = await node('n1')
  const n2 = (await node('n2', { join: [n1] })).start()
  const n3 = (await node('n3', { args: ['--join', `localhost:${n1.port}`] })).start()
  for (const agent of [n2, n3]) await agent.sees({ [agent.name]: 'zombie' })
  n1.start()
  for (const agent of [n1, n2, n3]) await agent.sees({ n1: 'zombie', n2: 'zombie', n3: 'zombie' })
})

test('two inits at once make one cluster or none, and never two', async () => {
  const all = await zombies(3)
  const [n1, n2] = all as [Agent, Agent]
  const both = await Promise.all([
    n1.hive('init', '--name', 'one', '--control', 'n1,n2,n3'),
    n2.hive('init', '--name', 'two', '--control', 'n1,n2,n3'),
  ])
  const won = both.filter(({ code }) => code === 0)
  expect(won.length).toBeLessThan(2)
  for (const { code, stderr } of both) {
    if (code !== 0) expect(stderr).toMatch(/^error: [^\n]+\n {2}do: [^\n]+\n$/)
  }
  if (won.length === 0) expect(await n1.hive('init', '--name', 'one')).toMatchObject({ code: 0 })
  await allReady(all)
  const tags = await Promise.all(all.map(async agent => (await agent.status()).cluster.tag))
  expect(new Set(tags).size).toBe(1)
})

test('the node that runs an init dies in the middle: all or nothing, and init works again', async () => {
  const all = await zombies(3)
  const [n1, n2] = all as [Agent, Agent]
  const asked = n1.hive('init', '--name', 'prod', '--control', 'n1,n2,n3')
  await eventually(
    'it prepares',
    () => n1.output,
    said => said.includes('init: preparing'),
  )
  await n1.kill()
  expect(await asked).toMatchObject({ code: 2, stderr: expect.stringContaining('broke') })
  n1.start()
  await eventually(
    'init succeeds',
    () => n2.hive('init', '--name', 'prod', '--control', 'n1,n2,n3'),
    ({ code }) => code === 0,
    60_000,
  )
  await allReady(all)
})
