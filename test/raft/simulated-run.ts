import { assert } from '../../src/base/errors.ts'
import { type Figures, SimulatedCluster } from './simulated-cluster.ts'

/** Chaos for so many ms, then peace, in which the cluster must get well by itself. */
export function runSeed(seed: number, duration: number, trace?: (line: string) => void): Figures {
  const cluster = new SimulatedCluster(seed, trace)
  cluster.run(1500)
  cluster.chaos()
  cluster.run(duration)
  cluster.heal()
  cluster.say('peace')
  cluster.run(6000)
  const last = cluster.propose()
  assert(last !== undefined, `no leader takes proposals; ${positions(cluster)}`)
  cluster.run(3000)
  const members = cluster.leader()?.raft?.status().config
  assert(members !== undefined, 'no leader')
  assert(members.outgoing.length === 0, 'the joint configuration was not left')
  for (const id of [...members.voters, ...members.learners]) {
    const applied = cluster.nodes.get(id)!.applied
    assert(applied >= last.index, `${id} is at ${applied}, not at ${last.index}`)
  }
  assert(cluster.committed[last.index - 1]?.term === last.term, 'the last proposal was not kept')
  return cluster.figures
}

function positions(cluster: SimulatedCluster): string {
  const shown = [...cluster.nodes.values()].map(node => {
    const { rank, term, lastIndex, commit, config } = node.raft!.status()
    return `${node.id} ${rank} ${term} ${commit}/${lastIndex} [${config.voters.join('')}|${config.outgoing.join('')}]`
  })
  return shown.join(', ')
}
