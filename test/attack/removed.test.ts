import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Identity } from '../../src/agent/trust/identity.ts'
import type { StatusReport } from '../../src/api/types.ts'
import { type Agent, endsAgents, eventually } from '../support/agents.ts'
import { type GossipKey, gossipKeyIn, ping, plainOf, pushPull, said, sealed } from './packets.ts'
import { agreed, foreignCount, guarded } from './stage.ts'
import { greeting, kind, notice, vote, Wire, welcome } from './wire.ts'

/** Somebody has all that was in the directory of a node, and is linked with it when the node is taken out. */

endsAgents()

interface Loot {
  readonly id: string
  readonly tag: string
  readonly papers: { readonly cert: string; readonly key: string }
  readonly gossip: GossipKey
}

function loot(agent: Agent, id: string): Loot {
  const json = readFileSync(join(agent.dir, 'identity.json'), 'utf8')
  const { member, key } = JSON.parse(json) as Identity
  return {
    ...{ id, tag: member!.tag, papers: { cert: member!.certificate, key } },
    gossip: gossipKeyIn(agent.dir),
  }
}

function asMember({ port }: Agent, { papers }: Loot): Promise<Wire> {
  return Wire.open(port, { tls: { name: 'member.hive', speaks: ['hive-member/1'], papers } })
}

function helloOf({ id, tag }: Loot, { epoch, metaVersion }: StatusReport['cluster']) {
  const allegiance = { tag, clusterName: 'prod', epoch, metaVersion }
  return greeting({ id, name: 'n4', incarnation: 1_000, allegiance })
}

test('the papers of a removed node, linked at the moment of removal: nobody from that event on', async () => {
  const stage = await guarded(4, ['n1', 'n2', 'n3'])
  const { leader, all } = stage
  const follower = all.find(agent => agent !== leader && agent.name !== 'n4')!
  const n4 = all.find(agent => agent.name === 'n4')!
  const { nodes } = await leader.status()
  const idOf = (agent: Agent) => nodes.find(n => n.name === agent.name)!.id
  const stolen = loot(n4, idOf(n4))
  await n4.kill()
  await leader.sees({ n1: 'ready', n2: 'ready', n3: 'ready', n4: 'failed' })
  const { cluster } = await leader.status()
  const doors = [leader, follower]
  const thieves = await Promise.all(
    doors.map(async door => {
      const wire = await asMember(door, stolen)
      wire.say(kind.handshake, helloOf(stolen, cluster))
      expect(await wire.verdict()).toMatchObject({ outcome: 'welcome' })
      wire.say(kind.verdict, welcome)
      return wire
    }),
  )
  // As yet it is a member: what it asks is looked at, and its pings are answered.
  for (const wire of thieves) {
    wire.ask(1, 'nonsense', {})
    expect((await wire.answer(1)).body.code).toBe('BAD_REQUEST')
  }
  const packet = (door: Agent, swim = ping(idOf(door))) =>
    sealed(stolen.gossip, plainOf(stolen.id, stolen.tag, swim))
  expect((await said(leader.port, [packet(leader)])).answers).toBeGreaterThan(0)

  let asked = 1
  const drum = setInterval(() => {
    asked++
    for (const wire of thieves) wire.ask(asked, 'nonsense', {})
  }, 2)
  expect(await leader.hive('node', 'remove', '--force', 'n4')).toMatchObject({ code: 0 })
  const firstNo = await Promise.all(
    thieves.map(wire =>
      wire.until('REMOVED', () => wire.answers().find(a => a.body.code === 'REMOVED')),
    ),
  )
  const heard = thieves.map(wire => wire.heard.length)
  // The links still stand; all that a member could say is worth nothing.
  for (const wire of thieves) {
    wire.say(kind.raft, vote(1_000))
    wire.say(kind.swim, pushPull)
    wire.say(kind.notice, notice('accuse', { subject: idOf(follower), incarnation: 1, health: 0 }))
    wire.ask(2 ** 31, 'join', {})
  }
  await Promise.all(thieves.map(wire => wire.ended('a node was removed')))
  clearInterval(drum)
  for (const [i, wire] of thieves.entries()) {
    const answers = wire.answers()
    const late = answers.slice(answers.findIndex(a => a.id === firstNo[i]!.id))
    expect(new Set(late.map(a => a.body.code))).toEqual(new Set(['REMOVED']))
    const listings = wire.heard
      .slice(heard[i])
      .filter(f => f.kind === kind.swim && f.payload[0] === pushPull[0])
    expect(listings.length).toBe(0)
  }
  await leader.sees({ n1: 'ready', n2: 'ready', n3: 'ready' })
  const before = await agreed(follower)
  expect(JSON.parse(before).term).toBe(cluster.term)

  // And once more: the certificate is true, and of nobody; under another's id it is not even that.
  for (const door of doors) {
    const claims = [stolen, { ...stolen, id: idOf(doors.find(d => d !== door)!) }] as const
    const codes: unknown[] = []
    for (const claim of claims) {
      const wire = await asMember(door, stolen)
      wire.say(kind.handshake, helloOf(claim, cluster))
      codes.push((await wire.verdict()).code)
      await wire.ended()
    }
    expect(codes).toEqual(['REMOVED', 'IDENTITY_MISMATCH'])
    const packets = [packet(door), packet(door, pushPull)]
    expect((await said(door.port, packets)).answers).toBe(0)
  }
  // The key that it took with it opens nothing once it is rotated.
  expect(await leader.hive('keys', 'rotate')).toMatchObject({ code: 0 })
  await eventually(
    'the stolen key is dropped',
    () => leader.client.keys(),
    ({ keys }) => keys.length === 1 && keys[0]!.id !== stolen.gossip.id,
  )
  const count = async () => foreignCount(await leader.status())
  const known = await count()
  const forgery = () => sealed(stolen.gossip, plainOf(idOf(follower), stolen.tag, pushPull))
  expect((await said(leader.port, Array.from({ length: 20 }, forgery))).answers).toBe(0)
  await eventually('they are counted as foreign', count, n => n >= known + 20)
  const after = JSON.parse(await agreed(follower))
  expect([after.term, after.nodes, after.epoch]).toEqual([
    JSON.parse(before).term,
    JSON.parse(before).nodes,
    JSON.parse(before).epoch,
  ])
  expect(await follower.hive('kv', 'put', 'still', 'works')).toMatchObject({ code: 0 })
  const answers = thieves.map(wire => wire.answers().length).join(' and ')
  console.log(`${answers} answers; ${(await leader.status()).notices.join('; ')}`)
})
