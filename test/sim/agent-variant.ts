import { Agent, type AgentParts as RealParts } from '../../src/agent/agent.ts'
import type { CatalogRole } from '../../src/agent/role-hosting.ts'
import type { StatusReport } from '../../src/api/types.ts'
import { OperatorError } from '../../src/base/errors.ts'
import type { Caller } from './caller.ts'
import { Violation } from './checkers.ts'
import type { AgentParts, SimulatedAgent, SimulatedNode } from './cluster.ts'
import { recoverWithin, type Stage, statusLine, until, type Variant } from './scenario.ts'

/** Roles of the simulated build: what they do is not simulated, that they are agreed on is. */
const roleCatalog: readonly CatalogRole[] = [
  {
    name: 'host',
    description: 'services of this host',
    provides: ['services'],
    requires: [],
    needsForBootstrap: [],
  },
  {
    name: 'dns',
    description: 'answers names',
    provides: ['names'],
    requires: ['host'],
    needsForBootstrap: [],
  },
]

/** Zombies find each other within this, ms. */
const meetWithin = 20_000
/** An init of healthy nodes takes at most this, ms. */
const initWithin = 30_000

/** Whole agents: what runs in production, but for process, clock, sockets and disk. */
export const agentVariant: Variant = {
  operated: true,
  make: () => parts => wholeAgent(parts),

  begin: stage => {
    if (stage.settings.earlyTrouble) return beginInTrouble(stage)
    return stage.settings.race ? beginInRace(stage) : beginInPeace(stage)
  },

  async settle(stage) {
    if (!(await until(stage.simulation, initWithin, () => initialised(stage)))) {
      const answer = await init(stage, stage.cluster.nodes[0]!)
      if (answer !== 'answered') throw new Violation(`init though all is repaired: ${answer}`)
    }
    await healthy(stage, 'though all is repaired')
  },

  readers: ({ cluster }) => cluster.running(),
}

async function meet(stage: Stage): Promise<void> {
  const { simulation, cluster } = stage
  const within = meetWithin * (cluster.nodes.length > 30 ? 6 : 1)
  const met = await until(simulation, within, () =>
    cluster.nodes.every(n => alive(n).length === cluster.nodes.length - 1),
  )
  if (!met) throw new Violation(`the nodes have not found each other:\n  ${beliefs(stage)}`)
}

async function beginInPeace(stage: Stage): Promise<void> {
  const { cluster } = stage
  await meet(stage)
  const answer = await init(stage, cluster.nodes[0]!)
  if (answer !== 'answered') throw new Violation(`init of healthy nodes: ${answer}`)
  await healthy(stage, 'after the init')
  await keepSlices(stage)
}

async function keepSlices({ settings, simulation, caller, cluster }: Stage): Promise<void> {
  if (settings.slice === undefined) return
  let answer: string | undefined
  caller.call(
    cluster.nodes[0]!,
    'settings',
    backend =>
      backend.changeSettings({ settings: { slice: `${settings.slice}` }, actor: 'operator' }),
    result => {
      answer = result.how === 'refused' ? String(result.error) : result.how
    },
  )
  await until(simulation, initWithin, () => answer !== undefined)
  if (answer !== 'answered') throw new Violation(`slices of a healthy cluster: ${answer}`)
}

/** Two operators who do not know of each other: one cluster comes of it, or none, and then a third one makes it. */
async function beginInRace(stage: Stage): Promise<void> {
  const { simulation, cluster, operators } = stage
  await meet(stage)
  const dice = simulation.dice('race')
  const names = cluster.nodes.map(n => n.name)
  const wishes = [operators.control, others(names, operators.control)]
  simulation.trace.say(simulation.now, '!', 'operators: two inits at once')
  const answers: string[] = []
  for (const control of wishes) {
    const at = cluster.nodes[dice.below(names.length)]!
    simulation.after(dice.next() * 60, () =>
      askInit(stage, at, control, answer => answers.push(answer)),
    )
  }
  await until(simulation, 2 * initWithin, () => answers.length === wishes.length)
  if (answers.filter(a => a === 'answered').length > 1)
    throw new Violation('two inits with different control nodes both succeeded')
  await until(simulation, initWithin, () => initialised(stage))
  const first = stage.checkers.log.find(c => c?.event?.type === 'ClusterInitialised')?.event
  if (first?.type === 'ClusterInitialised')
    operators.control = first.data.control.map(node => node.name)
  else {
    const answer = await init(stage, cluster.nodes[0]!)
    if (answer !== 'answered') throw new Violation(`init after two that were refused: ${answer}`)
  }
  await healthy(stage, 'after two inits at once')
}

/** Another list of control nodes, which shares one with the first: two that share none make two clusters. */
function others(names: readonly string[], first: readonly string[]): readonly string[] {
  const rest = names.filter(name => !first.includes(name))
  if (rest.length === 0) return first.slice(0, -1)
  return [first[0]!, ...rest].slice(0, Math.max(2, first.length))
}

/** Operators repeat the init wherever somebody listens; it succeeds now, or once all is repaired. */
async function beginInTrouble(stage: Stage): Promise<void> {
  const { simulation, cluster } = stage
  const dice = simulation.dice('init')
  for (let attempt = 0; attempt < 5 && !initialised(stage); attempt++) {
    await simulation.run(simulation.now + 1_000 + dice.next() * 5_000)
    const running = cluster.running()
    const at = running[dice.below(Math.max(1, running.length))]
    if (at !== undefined) await init(stage, at)
  }
}

/** Whether anybody has committed the first event. */
function initialised({ checkers }: Stage): boolean {
  return checkers.log.some(c => c?.event?.type === 'ClusterInitialised')
}

/** The same init every time: repeating it is harmless. */
async function init(stage: Stage, at: SimulatedNode): Promise<string> {
  let answer: string | undefined
  askInit(stage, at, stage.operators.control, heard => {
    answer = heard
  })
  await until(stage.simulation, initWithin, () => answer !== undefined)
  return answer ?? 'no answer'
}

function askInit(
  { simulation, caller }: Stage,
  at: SimulatedNode,
  control: readonly string[],
  heard: (answer: string) => void,
): void {
  simulation.trace.say(simulation.now, at.name, `operator: init of ${control.join()}`)
  caller.call(
    at,
    'init',
    backend => backend.init({ name: 'sim', control, actor: 'operator' }),
    result => {
      const { how } = result
      const code =
        how === 'refused' && result.error instanceof OperatorError ? result.error.code : ''
      const answer = how === 'refused' ? `${code} ${String(result.error)}` : how
      simulation.trace.say(simulation.now, at.name, `operator: init: ${answer}`)
      heard(answer)
    },
  )
}

export function wholeAgent(parts: AgentParts, more: Partial<RealParts> = {}): SimulatedAgent {
  const agent = new Agent({ ...parts, version: '0.1.0', roleCatalog, ...more })
  return {
    start: () => agent.start(),
    stop: done => agent.stop(done),
    backend: agent.backend,
    raftStatus: () => agent.plane?.status(),
    get state() {
      return agent.plane?.state
    },
    swimMembers: () => agent.gossip.members(),
  }
}

function alive(node: SimulatedNode): string[] {
  const members = node.process?.agent.swimMembers() ?? []
  return members.filter(m => m.status === 'alive').map(m => m.name)
}

/** Everybody says the same, and that all is well; or a Violation that says what is not. */
async function healthy(stage: Stage, when: string): Promise<void> {
  const { simulation, cluster, caller, operators } = stage
  const deadline = simulation.now + recoverWithin
  let complaint = 'nobody was asked'
  let nextTidy = simulation.now + 2_000
  while (simulation.now < deadline) {
    const reports = await statusOfAll(stage, caller)
    complaint = judge(cluster.nodes, reports) ?? ''
    if (complaint === '') return
    if (simulation.now >= nextTidy) {
      nextTidy = simulation.now + 5_000
      for (const node of cluster.running()) operators.tidy(node, stateOf(node.name, reports))
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

function beliefs({ cluster }: Stage): string {
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
