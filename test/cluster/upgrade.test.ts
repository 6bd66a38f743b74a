import { join } from 'node:path'
import { expect, test } from 'vitest'
import { eventsVersion } from '../../src/state/events.ts'
import { type Agent, allReady, endsAgents, leaderOf, node, place } from '../support/agents.ts'
import { buildOf } from '../support/builds.ts'

/** Two versions of hive in one cluster: upgraded node by node, under load, and no way back. */

endsAgents()

const older = { product: '0.0.9', protocol: { min: 1, max: 1 }, events: eventsVersion - 1 }
const newer = { product: '0.1.0', protocol: { min: 1, max: 2 }, events: eventsVersion }

async function upgradedTo(agent: Agent, build: string, all: readonly Agent[]): Promise<void> {
  await agent.stop()
  agent.build = build
  agent.start()
  await agent.answers()
  await allReady(all)
}

const upgrades = async (agent: Agent) =>
  (await agent.json<{ events: { type: string; data: { events: number } }[] }>('log')).events.filter(
    e => e.type === 'ClusterUpgraded',
  )

test('three old nodes become new one by one: nothing is lost, and what is new waits for the last', async () => {
  const built = {
    older: await buildOf(join(place(), 'older'), older),
    newer: await buildOf(join(place(), 'newer'), newer),
  }
  const n1 = await node('n1', { http: false })
  const n2 = await node('n2', { http: false, join: [n1] })
  const n3 = await node('n3', { http: false, join: [n1] })
  const all = [n1, n2, n3]
  for (const agent of all) agent.build = built.older
  for (const agent of all) agent.start()
  for (const agent of all) await agent.sees({ n1: 'zombie', n2: 'zombie', n3: 'zombie' })
  expect(await n1.hive('init', '--name', 'prod')).toMatchObject({ code: 0 })
  await allReady(all)
  expect((await n1.status()).nodes.map(n => n.version)).toEqual(['0.0.9', '0.0.9', '0.0.9'])

  const written: string[] = []
  let over = false
  const writer = (async () => {
    for (let i = 0; !over; i++) {
      const at = all.filter(a => a.running)[i % 2]!
      const put = { method: 'PUT' as const, path: `/v1/kv/k${i}`, body: Buffer.from(`v${i}`) }
      await at.client.send({ ...put, timeout: 5_000 }).then(
        () => written.push(`k${i}`),
        () => {},
      )
    }
  })()
  const leader = await leaderOf(all)
  const order = [...all.filter(a => a !== leader), leader]
  for (const [i, agent] of order.entries()) {
    expect(await upgrades(order[0]!)).toEqual([])
    await upgradedTo(agent, built.newer, all)
    const { nodes } = await agent.reports('its version is agreed', ({ nodes }) =>
      nodes.some(n => n.name === agent.name && n.version === newer.product),
    )
    expect(nodes.filter(n => n.version === newer.product)).toHaveLength(i + 1)
  }
  await expect.poll(() => upgrades(n1), { timeout: 30_000 }).toHaveLength(1)
  expect((await upgrades(n2))[0]!.data).toEqual({ events: eventsVersion })
  over = true
  await writer
  expect(written.length).toBeGreaterThan(20)
  for (const key of written.filter((_, i) => i % Math.ceil(written.length / 60) === 0)) {
    expect((await n3.hive('kv', 'get', key)).stdout.trim()).toBe(`v${key.slice(1)}`)
  }

  // No way back: the older one says so, and the cluster goes on without it.
  await n3.stop()
  n3.build = built.older
  n3.start()
  const { code } = await n3.ended
  expect(code).not.toBe(0)
  expect(n3.output).toMatch(
    `the cluster has agreed on events of version ${newer.events}, and this hive reads up to ${older.events}`,
  )
  expect(await n1.hive('kv', 'put', 'after', 'all')).toMatchObject({ code: 0 })
  n3.build = built.newer
  n3.start()
  await allReady(all)
})
