import { Violation } from './checkers.ts'
import type { SimulatedNode } from './cluster.ts'
import { planeAgents } from './plane-agent.ts'
import { recoverWithin, type Stage, statusLine, until, type Variant } from './scenario.ts'

/** The control plane alone: every node is a voter from the start. */
export const planeVariant: Variant = {
  operated: false,
  make: (names, ipOf) => planeAgents(names, ipOf),

  async begin({ cluster, caller, workload, simulation }) {
    let initialised = false
    const init = (): void => {
      const leader = cluster.running().find(isLeader)
      if (leader === undefined) {
        simulation.after(100, init)
        return
      }
      caller.call(
        leader,
        'init',
        backend => backend.init({ actor: 'operator' }),
        result => {
          initialised = result.how === 'answered'
          if (!initialised) simulation.after(100, init)
        },
      )
    }
    init()
    if (!(await until(simulation, 10_000, () => initialised))) throw new Violation('no init')
    const dice = simulation.dice('plane clients')
    // Nobody forwards here: clients mostly ask a leader, and sometimes somebody who should refuse.
    workload.candidates = () => {
      const running = cluster.running()
      const leaders = running.filter(isLeader)
      return leaders.length > 0 && dice.next() < 0.9 ? leaders : running
    }
  },

  async settle(stage) {
    const { simulation, cluster, workload } = stage
    const ok = await until(simulation, recoverWithin, () => settled(stage))
    if (!ok)
      throw new Violation(`not recovered in time:\n  ${cluster.nodes.map(statusLine).join('\n  ')}`)
    workload.candidates = () => cluster.running().filter(isLeader)
  },

  readers: stage => stage.cluster.running().filter(isLeader),
}

function isLeader(node: SimulatedNode): boolean {
  return node.process?.agent.raftStatus()?.rank === 'leader'
}

function settled({ cluster }: Stage): boolean {
  const all = cluster.nodes.map(n => n.process?.agent.raftStatus())
  const leaders = all.filter(s => s?.rank === 'leader')
  const leader = leaders[0]
  return (
    leaders.length === 1 &&
    all.every(
      s => s?.leader === leader?.id && s?.commit === leader?.lastIndex && s?.applied === s?.commit,
    )
  )
}
