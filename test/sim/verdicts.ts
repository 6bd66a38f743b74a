import type { NodeFacts } from '../../src/store/types.ts'
import { type Committed, Violation } from './checkers.ts'
import type { SimulatedNode } from './cluster.ts'
import type { Stage } from './scenario.ts'

/** After so long without trouble, ms, whoever runs is not to be called failed. */
const calm = 15_000

/** No false verdicts: in calm weather nobody that runs is agreed to have failed. */
export function watchVerdicts({ simulation, cluster, checkers, nemesis }: Stage): void {
  const runsForLong = (node: SimulatedNode): boolean =>
    node.process !== undefined && simulation.now - node.process.since > calm

  // Nobody speaks to it until it has given in, so it does not answer.
  const isOfLostSide = ({ disk }: SimulatedNode): boolean => {
    const { cluster: own } = JSON.parse(disk.facts ?? '{}') as Partial<NodeFacts>
    return own !== undefined && (own.lineage ?? 0) !== lineage
  }
  let lineage = 0

  checkers.onCommitted.push(({ event }: Committed) => {
    if (event?.type === 'ClusterRecovered') lineage = event.data.lineage
    if (event?.type !== 'NodeFailed') return
    const { quietSince } = nemesis
    if (quietSince === undefined || simulation.now - quietSince < calm) return
    const { id } = event.data
    const node = cluster.nodes.find(n => checkers.idOf(n) === id)
    if (node === undefined || !runsForLong(node) || isOfLostSide(node)) return
    const quiet = Math.round((simulation.now - quietSince) / 1000)
    throw new Violation(`${node.name} is agreed to have failed, after ${quiet} s of calm`)
  })
}
