import type { StatusReport } from '../../src/api/types.ts'
import type { Caller } from './caller.ts'
import { Violation } from './checkers.ts'
import type { SimulatedNode } from './cluster.ts'
import { recoverWithin, type Stage, statusLine } from './scenario.ts'

export function alive(node: SimulatedNode): string[] {
  const members = node.process?.agent.swimMembers() ?? []
  return members.filter(m => m.status === 'alive').map(m => m.name)
}

/** Everybody says the same, and that all is well; or a Violation that says what is not. */
export async function healthy(stage: Stage, when: string): Promise<void> {
  const { simulation, cluster, caller, operators } = stage
  const deadline = simulation.now + recoverWithin
  let complaint = 'nobody was asked'
  let nextTidy = simulation.now + 2_000
  while (simulation.now < deadline) {
    const reports = await statusOfAll(stage, caller)
    complaint = judge(cluster.nodes, reports) ?? ''
    if (operators.isTakingOut) complaint ||= 'somebody is on the way out'
    if (complaint === '') return
    if (simulation.now >= nextTidy) {
      nextTidy = simulation.now + 5_000
      for (const node of cluster.running())
        operators.tidy(node, stateOf(node.name, reports), reports.get(node.name)?.refused)
    }
    await simulation.run(simulation.now + 500)
  }
  throw new Violation(
    `not healthy ${when}: ${complaint}\n  ${cluster.nodes.map(statusLine).join('\n  ')}\n  ${beliefs(stage)}`,
  )
}

async function statusOfAll(stage: Stage, caller: Caller): Promise<Map<string, StatusReport>> {
  const { simulation, cluster } = stage
  const reports = new Map<string, StatusReport>()
  const nodes = cluster.running()
  let open = nodes.length
  for (const node of nodes) {
    caller.call(
      node,
      'status',
      backend => backend.status(),
      result => {
        open--
        if (result.how === 'answered') reports.set(node.name, result.value)
      },
    )
  }
  await simulation.run(simulation.now + 10_000, () => open === 0)
  return reports
}

function judge(
  nodes: readonly SimulatedNode[],
  reports: ReadonlyMap<string, StatusReport>,
): string | undefined {
  let first: { readonly of: string; readonly text: string } | undefined
  for (const node of nodes) {
    if (node.gone) continue
    const report = reports.get(node.name)
    if (report === undefined) return `${node.name} does not say its status`
    const { cluster } = report
    if (cluster.state !== 'active') return `${node.name} says the cluster is ${cluster.state}`
    if (cluster.leader === null) return `${node.name} knows no leader`
    if (report.stale) return `${node.name} answers from old knowledge`
    for (const other of nodes) {
      const shown = report.nodes.find(n => n.name === other.name)
      if (other.gone) continue
      if (shown === undefined) return `${node.name} does not show ${other.name}`
      if (shown.state !== 'ready') return `${node.name} shows ${other.name} as ${shown.state}`
      const wrong = log(other, shown.control !== 'none')
      if (wrong) return wrong
    }
    const text = JSON.stringify([
      cluster.tag,
      cluster.leader,
      cluster.term,
      report.nodes.map(essence),
    ])
    if (first === undefined) first = { of: node.name, text }
    else if (first.text !== text) return `${first.of} says ${first.text}, ${node.name} says ${text}`
  }
  return undefined
}

/** Who counts keeps the log and hears a leader, and nobody else does. */
function log({ name, process }: SimulatedNode, counts: boolean): string | undefined {
  const status = process?.agent.raftStatus()
  if (!counts) return status && `${name} keeps a log that is for others`
  if (!status) return `${name} counts, and keeps no log`
  return status.leader === null ? `${name} counts, and hears no leader` : undefined
}

/** As the others say; undefined: nobody of the cluster knows it. */
function stateOf(name: string, reports: ReadonlyMap<string, StatusReport>): string | undefined {
  for (const report of reports.values()) {
    if (report.stale || report.cluster.state !== 'active') continue
    return report.nodes.find(n => n.name === name)?.state
  }
  return 'unknown'
}

function essence(node: StatusReport['nodes'][number]): string {
  return `${node.name} ${node.state} ${node.control}`
}

export function beliefs({ cluster }: Stage): string {
  const of = (node: SimulatedNode): string => {
    const members = node.process?.agent.swimMembers() ?? []
    return `${node.name} sees ${
      members
        .map(m => `${m.name} ${m.status}`)
        .toSorted()
        .join(', ') || 'nobody'
    }`
  }
  return cluster.nodes.map(of).join('\n  ')
}
