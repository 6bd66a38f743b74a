import type { Clock, Millis } from '../../base/time.ts'
import { isServing } from '../../cluster/drain.ts'
import type { NodeRecord } from '../../state/types.ts'
import type { ControlPlane } from './control-plane.ts'

/** Between looks at whether somebody else leads by now, ms. */
const look = 10

/** Who should lead instead: of those who answer and may, the one that has most of the log. */
export function heirOf(
  plane: ControlPlane,
  self: string,
  answering: ReadonlySet<string>,
  mayLead: (node: NodeRecord | undefined) => boolean = isServing,
): string | undefined {
  const { voters, nodes } = plane.state
  const match = new Map(plane.status().progress.map(p => [p.id, p.match]))
  return voters
    .filter(v => v !== self && answering.has(v) && mayLead(nodes.get(v)))
    .sort((a, b) => (match.get(b) ?? 0) - (match.get(a) ?? 0))[0]
}

/**
 * A leader that is told to stop hands over first: otherwise nothing could be decided until the others have
 * missed it. Nobody to hand over to, or none that takes it in time: it stops all the same.
 */
export function handOver(
  plane: ControlPlane | undefined,
  heir: string | undefined,
  clock: Clock,
  patience: Millis,
  done: () => void,
): void {
  if (!plane?.isLeader() || heir === undefined || !plane.transferLeadership(heir)) return done()
  const until = clock.now() + patience
  const wait = (): void => {
    if (!plane.isLeader() || clock.now() >= until) return done()
    clock.after(look, wait)
  }
  clock.after(look, wait)
}
