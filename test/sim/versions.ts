import { ungatedEvents } from '../../src/state/events.ts'
import { Violation } from './checkers.ts'
import type { Stage } from './scenario.ts'

/** In a cluster that is upgraded node by node, nobody comes to events that its build does not read. */
export function watchVersions({ checkers }: Stage): void {
  checkers.onState.push((node, { cluster }) => {
    const agreed = cluster?.events ?? ungatedEvents
    if (node.old && agreed > ungatedEvents)
      throw new Violation(
        `${node.name} reads events up to ${ungatedEvents}, and applies a log with ${agreed}`,
      )
  })
}
