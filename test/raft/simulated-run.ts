import { assert } from '../../src/base/errors.ts'
import { seeded } from '../../src/base/random.ts'
import type { Figures } from './judge.ts'
import { Mischief } from './mischief.ts'
import { SimulatedCluster } from './simulated-cluster.ts'

/** Chaos for so many ms, then peace, in which the cluster must get well by itself. */
export function runSeed(seed: number, duration: number, trace?: (line: string) => void): Figures {
  const cluster = new SimulatedCluster(seed, trace)
  cluster.agenda.run(1500)
  new Mischief(cluster, seeded(`mischief ${seed}`)).begin()
  cluster.agenda.run(duration)
  cluster.heal()
  cluster.say('peace')
  cluster.agenda.run(6000)
  const last = cluster.propose()
  assert(last !== undefined, `no leader takes proposals; ${positions(cluster)}`)
  cluster.agenda.run(3000)
  const members = cluster.leader()?.raft?.status().config
  assert(members !== undefined, 'no leader')
  assert(members.outgoing.length === 0, 'the joint configuration was not left')
  for (const id of [...members.voters, ...members.learners]) {
    const applied = cluster.nodes.get(id)!.applied
    assert(applied >= last.index, `${id} is at ${applied}, not at ${last.index}`)
  }
  assert(
    cluster.judge.committed[last.index - 1]?.term === last.term,
    'the last proposal was not kept',
  )
  return cluster.judge.figures
}

function positions(cluster: SimulatedCluster): string {
  const shown = [...cluster.nodes.values()].map(node => {
    const { rank, term, lastIndex, commit, config } = node.raft!.status()
    return `${node.id} ${rank} ${term} ${commit}/${lastIndex} [${config.voters.join('')}|${config.outgoing.join('')}]`
  })
  return shown.join(', ')
}
