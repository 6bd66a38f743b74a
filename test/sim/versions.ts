import { Violation } from './checkers.ts'
import type { Stage } from './scenario.ts'

/**
 * In a cluster that is upgraded node by node, nobody who carries the log comes to events that its build does not read.
 * Who has just been relieved of it may hear them before it knows, and stops there.
 */
export function watchVersions({ checkers }: Stage): void {
  checkers.onLooked.push(({ name, process }, { id, config }) => {
    const stopped = process?.agent.state?.stopped
    if (!stopped) return
    const { voters, outgoing, learners } = config
    if ([voters, outgoing, learners].some(ids => ids.includes(id)))
      throw new Violation(`${name} cannot read event ${stopped.at}, and carries the log`)
  })
}
