import { expect, test } from 'vitest'
import type { LoggedEvent } from '../../src/client/agent-client.ts'
import { cluster, endsAgents, leaderOf } from '../support/agents.ts'

/** The event log as people and programs read it. */

endsAgents()

interface Page {
  readonly events: readonly LoggedEvent[]
  readonly next: number
}

test('typed events, from anywhere, filtered and followed', async () => {
  const all = await cluster(4, ['n1', 'n2', 'n3'])
  const [n1, n2, , n4] = all as [(typeof all)[0], (typeof all)[0], (typeof all)[0], (typeof all)[0]]
  const { events, next } = await n4.json<Page>('log')
  const types = events.map(event => event.type)
  expect(types.slice(0, 2)).toEqual(['LeaderElected', 'ClusterInitialised'])
  expect(types).toContain('NodeAdmitted')
  for (const event of events) {
    expect(event).toMatchObject({
      seq: expect.any(Number),
      term: expect.any(Number),
      epoch: expect.any(Number),
      time: expect.anything(),
      actor: expect.stringMatching(/./),
      data: expect.any(Object),
    })
  }
  const seqs = events.map(event => event.seq)
  expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b))
  expect(next).toBeGreaterThan(seqs.at(-1)!)
  // Every node tells the same story.
  for (const agent of [n1, n2]) {
    expect((await agent.json<Page>('log')).events.slice(0, events.length)).toEqual(events)
  }
  const text = await n2.hive('log')
  expect(text).toMatchObject({ code: 0, stderr: '' })
  expect(text.stdout).toMatch(/^ +1 +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +LeaderElected/)
  expect(text.stdout).toMatch(/ClusterInitialised +prod, control nodes n1 .*by \S+@\S+/)

  const follower = n4.watch('log', '--follow', '--json')
  const lines = () => follower.output.stdout.split('\n').filter(line => line !== '')
  await follower.said(/ClusterInitialised/)
  const picky = n1.watch('log', '--follow', '--from', String(next), '--type', 'NodeDraining')
  expect(await n2.hive('kv', 'put', 'seen', 'yes')).toMatchObject({ code: 0 })
  expect(await n2.hive('drain', 'n4', '--reason', 'a test')).toMatchObject({ code: 0 })
  await follower.said(/"KvPut"[\s\S]*"NodeDraining"[\s\S]*"NodeDrained"/)
  await picky.said(/NodeDraining +n4.*a test/)
  expect(picky.output.stdout).not.toMatch(/KvPut|NodeDrained|NodeAdmitted/)
  const heard = lines().map(line => JSON.parse(line) as LoggedEvent)
  expect(heard.map(({ seq }) => seq)).toEqual([...new Set(heard.map(({ seq }) => seq))])
  expect(heard.find(({ type }) => type === 'NodeDraining')).toMatchObject({
    data: { reason: 'a test' },
    actor: expect.stringMatching(/@/),
  })

  const drained = await n2.json<Page>('log', '--type', 'NodeDrained')
  expect(drained.events).toMatchObject([{ type: 'NodeDrained' }])
  const { seq } = drained.events[0]!
  const later = await n2.json<Page>('log', '--from', String(seq))
  expect(later.events[0]).toMatchObject({ seq, type: 'NodeDrained' })

  // The leader's end is told by those who follow it elsewhere.
  const leader = await leaderOf(all)
  const other = all.find(agent => agent !== leader && agent !== n4)!
  const elsewhere = other.watch('log', '--follow')
  await elsewhere.said(/NodeDrained/)
  await leader.kill()
  await elsewhere.said(new RegExp(`NodeFailed +${leader.name}`))
  leader.start()
  await elsewhere.said(new RegExp(`NodeFailed +${leader.name}[\\s\\S]*NodeReady +${leader.name}`))
  for (const run of [follower, picky, elsewhere]) {
    run.child.kill('SIGINT')
    expect((await run.ended).code).toBeOneOf([0, 130, null])
  }
})

test('mistakes', async () => {
  const [n1] = await cluster(1)
  expect(await n1!.hive('log', '--from', 'x')).toMatchObject({ code: 2, stdout: '' })
  expect(await n1!.hive('log', '--type', 'No Such')).toMatchObject({ code: 2, stdout: '' })
  const none = await n1!.hive('log', '--type', 'NodeEaten')
  expect(none).toMatchObject({ stdout: '' })
})
