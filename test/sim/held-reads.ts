import { Violation } from './checkers.ts'
import type { SimulatedNode } from './cluster.ts'
import { heldFor } from './kv-workload.ts'
import type { Stage } from './scenario.ts'

/** Trouble may still be felt for so long, ms. */
const aftermath = 5_000
/** Who leaves, or is taken for lost, is let go of in the middle of what it waits for. */
const comings = new Set(['NodeAdmitted', 'NodeFailed', 'NodeLeft', 'ClusterRecovered'])
/** In calm a change is heard of within this, ms. */
const prompt = 1_200

/** In calm weather a held read is answered when its key changes, soon; and not before. */
export function watchHeldReads({ workload, nemesis, checkers, simulation, cluster }: Stage): void {
  /** When somebody last came, was given up, or had to give in to another history. */
  let unsettledAt = Number.NEGATIVE_INFINITY
  checkers.onCommitted.push(({ event }) => {
    const { type } = event ?? {}
    if (type !== undefined && comings.has(type)) unsettledAt = simulation.now
  })
  workload.onHeld = (key, asked, invoked, index) => {
    const { quietSince } = nemesis
    if (quietSince === undefined || invoked < Math.max(quietSince, unsettledAt) + aftermath) return
    const settled = ({ process }: SimulatedNode): boolean =>
      process !== undefined && !process.stopping && process.since < invoked - aftermath
    if (!cluster.nodes.every(settled)) return
    const { now } = simulation
    const changed = checkers.log[index - 1]?.at
    if (index <= asked && now - invoked < heldFor * 0.9)
      simulation.fail(
        new Violation(`a held read of ${key} was woken for nothing after ${now - invoked} ms`),
      )
    if (index <= asked || changed === undefined) return
    const late = now - Math.max(changed, invoked)
    if (late > prompt)
      simulation.fail(
        new Violation(`a held read of ${key} waited ${late} ms though the key had changed`),
      )
  }
}
