import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StatusReport } from '../../src/api/types.ts'
import { type Agent, cluster, eventually, hive, leaderOf, place } from '../support/agents.ts'

/** A cluster with a secret, and what of it an outsider must not change. */
export interface Stage {
  readonly all: Agent[]
  readonly leader: Agent
  readonly other: Agent
}

export async function guarded(count = 3, control?: readonly string[]): Promise<Stage> {
  const all = await cluster(count, control, { args: ['--secret-file', await newSecret('secret')] })
  const leader = await leaderOf(all)
  await settled(leader, count)
  return { all, leader, other: all.find(agent => agent !== leader)! }
}

export async function newSecret(name: string): Promise<string> {
  const file = join(place(), name)
  writeFileSync(file, (await hive({}, 'secret', 'new')).stdout, { mode: 0o600 })
  return file
}

/** All have their certificates, and the secret's gossip key is retired: from here on nothing happens by itself. */
export async function settled(agent: Agent, nodes: number): Promise<void> {
  await eventually(
    `${nodes} certificates`,
    () => agent.client.ca(),
    ({ certificates }) => certificates.filter(c => !c.removed).length === nodes,
  )
  await eventually(
    'one gossip key',
    () => agent.client.keys(),
    ({ primary, keys }) => primary > 0 && keys.length === 1,
  )
}

/** Everything that is agreed: nodes, events, epoch, term; as one text. */
export async function agreed(agent: Agent): Promise<string> {
  const { cluster, nodes } = await agent.status()
  const { events } = await agent.client.log({ from: 1, limit: 1000 })
  const { tag, epoch, metaVersion, term, leader } = cluster
  return JSON.stringify(
    {
      ...{ tag, epoch, metaVersion, term, leader },
      nodes: nodes.map(n => [n.id, n.name, n.address, n.state, n.incarnation]),
      events: events.map(e => [e.seq, e.type, e.actor]),
    },
    undefined,
    1,
  )
}

/** How many packets the agent has found foreign, as its status says. */
export function foreignCount({ self, notices }: StatusReport): number {
  const own = notices.find(n => n.startsWith(`${self}: `) && /foreign packets?,/.test(n))
  return Number(/(\d+) foreign packets?,/.exec(own ?? '')?.[1] ?? 0)
}
