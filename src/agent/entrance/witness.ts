import type { StatusReport } from '../../api/types.ts'
import type { Millis } from '../../base/time.ts'
import type { Links } from '../../net/link-types.ts'

/** A control node that is there answers in milliseconds. */
const patience: Millis = 500

/**
 * Nobody leads, and this node keeps no log: what the control nodes that are left remember, from the one that knows most.
 * It may be old, but it has everybody in it, and not only this node's slice.
 */
export function askWitnesses(
  links: Pick<Links, 'request'>,
  control: readonly string[],
  done: (report: StatusReport | undefined) => void,
): void {
  let best: StatusReport | undefined
  let open = control.length
  if (open === 0) return done(undefined)
  for (const id of control) {
    links.request(id, 'status-here', {}, patience, outcome => {
      if (outcome.ok) {
        const report = outcome.body as StatusReport
        if (!best || report.cluster.commitIndex > best.cluster.commitIndex) best = report
      }
      if (--open === 0) done(best && { ...best, toldBy: best.self })
    })
  }
}
