import { Agent, type AgentParts as RealParts } from '../../src/agent/agent.ts'
import type { CatalogRole } from '../../src/agent/roles/role-hosting.ts'
import { OperatorError } from '../../src/base/errors.ts'
import { eventsVersion, ungatedEvents } from '../../src/state/events.ts'
import { Violation } from './checkers.ts'
import type { AgentParts, SimulatedAgent, SimulatedNode } from './cluster.ts'
import { rescue, restore } from './endings.ts'
import { alive, beliefs, healthy } from './health.ts'
import { type Stage, until, type Variant } from './scenario.ts'

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
/** Once nobody reads only older events, that is agreed within this, ms. */
const upgradeWithin = 30_000

/** Whole agents: what runs in production, but for process, clock, sockets and disk. */
export const agentVariant: Variant = {
  operated: true,
  make: () => (parts, node) => wholeAgent(parts, node.old ? { eventsRead: ungatedEvents } : {}),

  begin: stage => {
    if (stage.settings.earlyTrouble) return beginInTrouble(stage)
    return stage.settings.race ? beginInRace(stage) : beginInPeace(stage)
  },

  async settle(stage) {
    if (!(await until(stage.simulation, initWithin, () => initialised(stage)))) {
      const answer = await init(stage, stage.cluster.nodes[0]!)
      if (answer !== 'answered') throw new Violation(`init though all is repaired: ${answer}`)
    }
    for (const node of stage.cluster.nodes) if (node.old) stage.operators.upgrade(node)
    await healthy(stage, 'though all is repaired')
    await upgraded(stage)
  },

  async end(stage, ending) {
    const well = () => healthy(stage, `after a ${ending}`)
    await (ending === 'rescue' ? rescue(stage, well) : restore(stage, well))
  },

  readers: ({ cluster }) => cluster.running(),
}

async function upgraded({ simulation, cluster }: Stage): Promise<void> {
  const agreed = await until(simulation, upgradeWithin, () =>
    cluster.running().some(n => n.process?.agent.state?.cluster?.events === eventsVersion),
  )
  if (!agreed) throw new Violation('everybody reads the newer events, and that is not agreed')
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
    propose: (draft, done) => agent.plane!.propose(draft, done),
  }
}
