import type { EventData } from '../events.ts'
import type { NodePhase, NodeRecord } from '../types.ts'
import {
  type At,
  change,
  done,
  type Parts,
  type Ruling,
  refused,
  repeated,
  unknownNode,
} from './ruling.ts'

/**
 * Ready, failed, draining. Two things are true of a node independently, that it is there and that an
 * operator drains it, and its record has two fields for them: `phase` is the later or stronger fact,
 * `before` what to return to when that fact ends.
 */

export function ready(parts: Parts, data: EventData['NodeReady'], at: At): Ruling {
  const node = parts.nodes.get(data.id)
  if (node === undefined) return unknownNode(parts, data.id)
  if (data.incarnation < node.incarnation) {
    return refused('REFUSED', `${node.name} has restarted since it was ready: that word is stale`)
  }
  const { failedAt: _, ...rest } = node
  const changed = { ...rest, ...readied(node, data.incarnation), incarnation: data.incarnation }
  if (JSON.stringify(changed) === JSON.stringify(node)) return repeated(at)
  change(parts, at, changed, {})
  return done(at)
}

function readied(node: NodeRecord, incarnation: number): Pick<NodeRecord, 'phase' | 'before'> {
  const { phase, before } = node
  switch (phase) {
    case 'recovering':
    case 'failed':
      if (before === 'draining' || before === 'drained') return { phase: before, before: 'ready' }
      return { phase: 'ready', before: null }
    case 'draining':
    case 'drained':
      return { phase, before: 'ready' }
    case 'leaving':
      // A node that starts again did not leave; the incarnation that is leaving may still say ready.
      return incarnation > node.incarnation ? { phase: 'ready', before: null } : { phase, before }
    case 'ready':
      return { phase, before }
  }
}

/** Only the incarnation that was accused fails: a node that came back since has answered the charge. */
export function fail(parts: Parts, data: EventData['NodeFailed'], at: At): Ruling {
  const node = parts.nodes.get(data.id)
  if (node === undefined) return unknownNode(parts, data.id)
  if (data.incarnation < node.incarnation) {
    const [accused, now] = [data.incarnation, node.incarnation]
    return refused('REFUSED', `the accusation of ${node.name} is stale: ${accused}, now ${now}`)
  }
  if (isFailed(node)) return repeated(at)
  const { incarnation } = data
  const failedAt = at.time
  change(parts, at, node, { phase: 'failed', before: node.phase, incarnation, failedAt })
  return done(at)
}

/** Also while a drain of the dead node is what its phase shows. */
export function isFailed(node: NodeRecord): boolean {
  return node.phase === 'failed' || (isDrain(node.phase) && node.before === 'failed')
}

/** A log entry, not a call to the agent: so it works for a dead node too. */
export function drain(parts: Parts, data: EventData['NodeDraining'], at: At): Ruling {
  const node = parts.nodes.get(data.id)
  if (node === undefined) return unknownNode(parts, data.id)
  if (node.phase === 'leaving') {
    return refused('REFUSED', `${node.name} is leaving the cluster: there is nothing to drain`)
  }
  const { deadline: drainDeadline } = data
  if (isDrain(node.phase)) {
    if (node.phase === 'drained' || node.drainDeadline === drainDeadline) return repeated(at)
    change(parts, at, node, { drainDeadline })
    return done(at)
  }
  change(parts, at, node, { phase: 'draining', before: node.phase, drainDeadline })
  return done(at)
}

export function cancelDrain(parts: Parts, data: EventData['NodeDrainCancelled'], at: At): Ruling {
  const node = parts.nodes.get(data.id)
  if (node === undefined) return unknownNode(parts, data.id)
  if (isDrain(node.phase)) {
    change(parts, at, node, { phase: node.before ?? 'ready', before: null, drainDeadline: null })
    return done(at)
  }
  if (isDrain(node.before)) {
    // It failed, or recovers from it, with a drain to return to: now it has none.
    change(parts, at, node, { before: null, drainDeadline: null })
    return done(at)
  }
  return repeated(at)
}

export function drained(parts: Parts, data: EventData['NodeDrained'], at: At): Ruling {
  const node = parts.nodes.get(data.id)
  if (node === undefined) return unknownNode(parts, data.id)
  if (node.phase === 'drained') return repeated(at)
  if (node.phase === 'draining') {
    change(parts, at, node, { phase: 'drained' })
    return done(at)
  }
  if (node.before === 'draining') {
    // It died, or restarted, on the way; of the two facts the operator waits for this one.
    change(parts, at, node, { phase: 'drained', before: node.phase })
    return done(at)
  }
  if (node.before === 'drained') return repeated(at)
  return refused('REFUSED', `${node.name} is not draining: the drain was cancelled, or never began`)
}

function isDrain(phase: NodePhase | null): boolean {
  return phase === 'draining' || phase === 'drained'
}
