import type { NodeRecord } from '../state/types.ts'
import { quorumOf } from './voters.ts'

/**
 * Drain: the verdict before anything happens, and the facts by which it is finished. The drain itself is
 * an event of the log; roles on the node act on it and report.
 */

export interface DrainFacts {
  readonly node: NodeRecord
  readonly nodes: ReadonlyMap<string, NodeRecord>
  readonly leader: string | null
  readonly voters: readonly string[]
  readonly reachable: ReadonlySet<string>
  /** Roles that other roles in use require, by name. */
  readonly requiredBy: (role: string) => readonly string[]
}

export interface VerdictLine {
  readonly level: 'ok' | 'warn' | 'refuse'
  readonly text: string
}

export function drainVerdict(facts: DrainFacts): {
  readonly allowed: boolean
  readonly lines: readonly VerdictLine[]
} {
  const lines = [...phaseLines(facts), ...controlLines(facts), ...roleLines(facts)]
  return { allowed: !lines.some(l => l.level === 'refuse'), lines }
}

function phaseLines({ node, reachable }: DrainFacts): VerdictLine[] {
  if (node.phase === 'drained') return [ok(`${node.name} is drained already`)]
  if (node.phase === 'draining') return [ok(`${node.name} is draining already`)]
  if (node.phase === 'failed' || !reachable.has(node.id)) {
    return [
      warn(
        `${node.name} does not answer: its roles cannot hand off, the drain is recorded and finishes at once`,
      ),
    ]
  }
  return []
}

function controlLines({ node, leader, voters, reachable, nodes }: DrainFacts): VerdictLine[] {
  if (!voters.includes(node.id)) return [ok('not a control node: the quorum is not touched')]
  const lines = [
    ok(
      `keeps its vote: ${voters.filter(v => reachable.has(v)).length} of ${voters.length} voters answer, ${quorumOf(voters.length)} needed`,
    ),
  ]
  if (leader !== node.id) return lines
  const heirs = voters.filter(v => v !== node.id && reachable.has(v) && isServing(nodes.get(v)))
  if (heirs.length === 0)
    lines.push(warn('leads, and no other voter can take over: leadership stays here'))
  else
    lines.push(
      ok(
        `leads: leadership moves to ${inOrder(
          heirs.map(v => nodes.get(v)?.name ?? v),
          ' or ',
        )}`,
      ),
    )
  return lines
}

function roleLines({ node, nodes, requiredBy }: DrainFacts): VerdictLine[] {
  const lines: VerdictLine[] = []
  for (const role of node.roles) {
    const others = [...nodes.values()].filter(
      n =>
        n.id !== node.id &&
        isServing(n) &&
        n.roles.some(r => r.name === role.name && r.state === 'running'),
    )
    const needing = requiredBy(role.name)
    if (others.length > 0)
      lines.push(
        ok(
          `${role.name}: also on ${inOrder(
            others.map(n => n.name),
            ', ',
          )}`,
        ),
      )
    else if (needing.length > 0) {
      lines.push({
        level: 'refuse',
        text: `last ${role.name} node, and ${needing.join(', ')} needs one`,
      })
    } else lines.push(warn(`last ${role.name} node: nothing takes its work over`))
  }
  return lines
}

function inOrder(names: readonly string[], between: string): string {
  return [...names].sort().join(between)
}

export function isServing(node: NodeRecord | undefined): boolean {
  return node?.phase === 'ready'
}

export interface DrainStep {
  readonly what: string
  readonly state: 'waiting' | 'running' | 'done' | 'failed'
  readonly detail: string
}

/** Where a drain stands, from agreed facts alone: anybody with the state can tell. */
export function drainSteps(
  node: NodeRecord,
  leader: string | null,
  answers: boolean,
): readonly DrainStep[] {
  const steps: DrainStep[] = []
  const over = node.phase === 'drained'
  const leads = leader === node.id && !over
  steps.push({
    what: 'leadership',
    state: leads ? 'running' : 'done',
    detail: leads
      ? 'moving away'
      : leader === node.id
        ? 'stays: no other voter can lead'
        : 'elsewhere',
  })
  let before = !leads
  for (const role of node.roles) {
    const handed = isHandedOff(role.state)
    const finished = over || handed || !answers
    // Its deadline came, or it did not answer then and does now.
    const cut = over && !handed && answers
    const state =
      cut || (!finished && role.state === 'failed')
        ? 'failed'
        : finished
          ? 'done'
          : before
            ? 'running'
            : 'waiting'
    const detail = cut
      ? 'has not handed over'
      : !answers && !handed
        ? 'the node does not answer'
        : role.detail
    steps.push({ what: role.name, state, detail })
    before &&= finished
  }
  return steps
}

/** Finished on observed facts: nothing led here, every role handed off, or nobody there to hand anything off. */
export function drainFinished(
  node: NodeRecord,
  leader: string | null,
  answers: boolean,
  wall: number,
): 'no' | 'yes' | 'forced' {
  if (node.phase !== 'draining') return 'no'
  if (leader !== node.id && (!answers || node.roles.every(r => isHandedOff(r.state)))) return 'yes'
  if (node.drainDeadline !== null && wall >= node.drainDeadline) return 'forced'
  return 'no'
}

function isHandedOff(state: string): boolean {
  return state === 'drained' || state === 'stopped' || state === 'assigned'
}

const ok = (text: string): VerdictLine => ({ level: 'ok', text })
const warn = (text: string): VerdictLine => ({ level: 'warn', text })
