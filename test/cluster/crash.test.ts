import { expect, test } from 'vitest'
import type { LoggedEvent } from '../../src/client/agent-client.ts'
import { kvKeys, kvPut } from '../../src/client/kv-client.ts'
import {
  type Agent,
  allReady,
  cluster,
  endsAgents,
  eventually,
  leaderOf,
} from '../support/agents.ts'

/** kill -9: what was acknowledged is there, whoever died and whenever. */

endsAgents()

/** From the leader's end to the first write that a new one acknowledges, ms; half of it is this machine's own hurry. */
const takeover = 1_500

/** Writes without pause through some agents, and remembers what was acknowledged. */
class Writers {
  readonly acknowledged = new Map<string, number>()
  #stopped = false
  #running: Promise<void>[]

  constructor(agents: readonly Agent[], each: number) {
    this.#running = agents.flatMap(agent =>
      Array.from({ length: each }, (_, i) => this.#write(agent, `w/${agent.name}/${i}`)),
    )
  }

  get count(): number {
    return this.acknowledged.size
  }

  /** Waits until so many more writes are acknowledged. */
  async more(count: number): Promise<void> {
    const wanted = this.count + count
    await eventually(
      `${count} more writes`,
      () => this.count,
      seen => seen >= wanted,
    )
  }

  /** When the first write after `since` was acknowledged that also began after it. */
  async firstAfter(since: number): Promise<number> {
    const after = () => [...this.acknowledged.values()].filter(at => at > since)
    return Math.min(...(await eventually('a write after it', after, seen => seen.length > 0)))
  }

  async stop(): Promise<readonly string[]> {
    this.#stopped = true
    await Promise.all(this.#running)
    return [...this.acknowledged.keys()]
  }

  async #write(agent: Agent, base: string): Promise<void> {
    for (let i = 0; !this.#stopped; i++) {
      const key = `${base}/${i}`
      const began = performance.now()
      const done = await kvPut(agent.client, { key, value: Buffer.from(key) }).then(
        () => true,
        () => false,
      )
      if (done) this.acknowledged.set(key, Math.max(began, performance.now()))
    }
  }
}

async function mustHave(all: readonly Agent[], written: readonly string[]): Promise<void> {
  expect(written.length).toBeGreaterThan(20)
  for (const agent of all) {
    const kept = new Set(await kvKeys(agent.client, 'w/', undefined, {}))
    expect(written.filter(key => !kept.has(key))).toEqual([])
  }
}

test('the leader dies under writes: another serves soon, and nothing acknowledged is lost', async () => {
  const all = await cluster(4, ['n1', 'n2', 'n3'])
  const n4 = all[3]!
  const writers = new Writers([n4], 4)
  const gaps: number[] = []
  for (let round = 0; round < 3; round++) {
    await writers.more(40)
    const leader = await leaderOf([n4, ...all])
    const killed = performance.now()
    await leader.kill()
    gaps.push((await writers.firstAfter(killed + 5)) - killed)
    await n4.reports('it is gone', ({ nodes }) => {
      return nodes.find(one => one.name === leader.name)?.state === 'failed'
    })
    leader.start()
    await allReady(all)
  }
  await mustHave(all, await writers.stop())
  const median = gaps.sort((a, b) => a - b)[1]!
  expect(median, `ms to take over: ${gaps.map(Math.round).join(', ')}`).toBeLessThan(takeover)

  const { events } = await n4.json<{ events: LoggedEvent[] }>('log')
  const types = events.map(event => event.type)
  expect(types.filter(type => type === 'NodeFailed')).toHaveLength(3)
  const accused = events.filter(event => event.type === 'NodeFailed')
  for (const { data, actor } of accused) {
    expect(data).toMatchObject({ accusers: expect.any(Array) })
    expect(actor).toMatch(/^leader:n/)
  }
}, 180_000)

test('all die at once: they come back with everything, by themselves', async () => {
  const all = await cluster(3)
  const { tag } = (await all[0]!.status()).cluster
  for (let round = 0; round < 2; round++) {
    const writers = new Writers(all, 3)
    await writers.more(60)
    await Promise.all(all.map(agent => agent.kill()))
    const written = await writers.stop()
    for (const agent of all) agent.start()
    await allReady(all)
    await mustHave(all, written)
  }
  expect((await all[0]!.status()).cluster).toMatchObject({ tag, name: 'prod', state: 'active' })
  // They were not removed by it, and are who they were.
  expect(await all[1]!.states()).toEqual({ n1: 'ready', n2: 'ready', n3: 'ready' })
  const incarnations = (await all[0]!.status()).nodes.map(one => one.incarnation)
  for (const one of incarnations) expect(one).toBeGreaterThanOrEqual(3)
}, 180_000)

test('a node without a vote dies, is failed in the log with its accusers, and is back by itself', async () => {
  const all = await cluster(4, ['n1', 'n2', 'n3'])
  const [n1, , , n4] = all as [Agent, Agent, Agent, Agent]
  await n4.kill()
  await n1.sees({ n1: 'ready', n2: 'ready', n3: 'ready', n4: 'failed' })
  const shown = await n1.hive('status')
  expect(shown).toMatchObject({ code: 1 })
  n4.start()
  await allReady(all)
  const { events } = await n4.json<{ events: LoggedEvent[] }>('log')
  const about = events.filter(({ data }) => JSON.stringify(data).includes(idOf(n4, events)))
  expect(about.map(({ type }) => type).slice(-2)).toEqual(['NodeFailed', 'NodeReady'])
})

function idOf(agent: Agent, events: readonly LoggedEvent[]): string {
  const admitted = events.find(({ type, data }) => {
    return type === 'NodeAdmitted' && (data as { node: { name: string } }).node.name === agent.name
  })
  return (admitted!.data as { node: { id: string } }).node.id
}

test('a frozen leader that wakes up follows the new one', async () => {
  const all = await cluster(3)
  const old = await leaderOf(all)
  const [other] = all.filter(agent => agent !== old) as [Agent]
  expect(await other.hive('kv', 'put', 'who', 'old')).toMatchObject({ code: 0 })
  old.signal('SIGSTOP')
  await other.reports('another leads', ({ cluster }) => {
    return cluster.leader !== null && cluster.leader !== old.name
  })
  expect(await other.hive('kv', 'put', 'who', 'new')).toMatchObject({ code: 0 })
  old.signal('SIGCONT')
  // Never a read of the past, not even from one that still takes itself for the leader.
  expect(await old.hive('kv', 'get', 'who')).toMatchObject({ code: 0, stdout: 'new\n' })
  await allReady(all)
})
