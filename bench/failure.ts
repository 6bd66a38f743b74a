import { spawn } from 'node:child_process'
import { cpus } from 'node:os'
import type { Figure } from './figures.ts'
import { HiveCluster, type HiveNode } from './hive.ts'
import { askJson } from './http.ts'
import { kill, sleep, until } from './processes.ts'
import { type Bench, type Room, subdir } from './room.ts'
import { SerfCluster } from './serf.ts'

/**
 * A process dies by kill -9: how long until it is agreed that it failed, and until every survivor shows it?
 * As important: nobody who lives is ever said to have failed, not even while both cores are busy.
 */
export const failure: Bench = {
  name: 'failure',
  summary: 'kill -9 of a node until all survivors know, 10 and 20 agents, beside serf (LAN)',
  async run(room) {
    const figures: Figure[] = []
    for (const count of room.quick ? [5] : [10, 20]) {
      const hive = await withHive(room, count)
      room.say(`${count} agents of hive: ${told(hive)}`)
      const serf = await withSerf(room, count)
      room.say(serf ? `${count} agents of serf: ${told(serf)}` : 'serf is not installed')
      figures.push(...figuresOf(count, hive, serf))
    }
    return figures
  },
}

interface Course {
  /** ms, from the kill. */
  readonly all: number[]
  /** Agreed in the log; serf has none. */
  readonly agreed: number[]
  readonly allLoaded: number[]
  falseIdle: number
  falseLoaded: number
}

/** One cluster, of whichever kind. */
interface Watched {
  /** Kills one more agent, and tells how long what took, ms. */
  kill(): Promise<{ readonly all: number; readonly agreed?: number }>
  /** Verdicts on agents that live, so far. */
  falseVerdicts(): Promise<number>
}

async function follow(room: Room, watched: Watched): Promise<Course> {
  const course: Course = { all: [], agreed: [], allLoaded: [], falseIdle: 0, falseLoaded: 0 }
  const quiet = room.quick ? 2000 : 20_000
  await sleep(quiet)
  for (let i = 0; i < (room.quick ? 1 : 3); i++) {
    const { all, agreed } = await watched.kill()
    course.all.push(all)
    if (agreed !== undefined) course.agreed.push(agreed)
  }
  course.falseIdle = await watched.falseVerdicts()
  await withBusyCores(async () => {
    await sleep(quiet)
    course.allLoaded.push((await watched.kill()).all)
    await sleep(quiet / 4)
  })
  course.falseLoaded = (await watched.falseVerdicts()) - course.falseIdle
  return course
}

/** As many endless loops as there are cores. */
async function withBusyCores(run: () => Promise<void>): Promise<void> {
  const loops = cpus().map(() => spawn(process.execPath, ['-e', 'for(;;);'], { stdio: 'ignore' }))
  const endLoops = () => {
    for (const loop of loops) loop.kill('SIGKILL')
  }
  process.on('exit', endLoops)
  try {
    await run()
  } finally {
    endLoops()
    process.off('exit', endLoops)
  }
}

async function withHive(room: Room, count: number): Promise<Course> {
  const cluster = await HiveCluster.start(room.script, subdir(room, `hive-${count}`), count)
  try {
    return await follow(room, watchHive(cluster))
  } finally {
    await cluster.stop()
  }
}

interface LogPage {
  readonly events: readonly { readonly seq: number; readonly data: { readonly id: string } }[]
}

function watchHive(cluster: HiveCluster): Watched {
  const dead = new Set<string>()
  const verdicts = async () => {
    const { url } = await cluster.leader()
    const path = '/v1/hive/log?type=NodeFailed&limit=1000'
    return (await askJson<LogPage>(url + path)).events.map(({ data }) => data.id)
  }
  const shows = async (node: HiveNode, name: string) => {
    const { nodes } = await node.status()
    return nodes.find(n => n.name === name)?.state === 'failed' ? performance.now() : undefined
  }
  return {
    async kill() {
      const leader = await cluster.leader()
      const { nodes } = await leader.status()
      const victim = cluster.members.findLast(m => m.alive && m !== leader)!
      const { id } = nodes.find(n => n.name === victim.name)!
      dead.add(id)
      const from = performance.now()
      await victim.kill()
      const survivors = cluster.members.filter(m => m.alive)
      const agreed = until('the verdict', 60_000, async () =>
        (await verdicts()).includes(id) ? performance.now() : undefined,
      )
      const seen = survivors.map(node =>
        until(`${node.name} shows it`, 60_000, () => shows(node, victim.name), 100),
      )
      const all = Math.max(...(await Promise.all(seen))) - from
      return { all, agreed: (await agreed) - from }
    },
    falseVerdicts: async () => (await verdicts()).filter(id => !dead.has(id)).length,
  }
}

async function withSerf(room: Room, count: number): Promise<Course | undefined> {
  const cluster = await SerfCluster.start(count)
  if (!cluster) return undefined
  try {
    return await follow(room, watchSerf(cluster))
  } finally {
    await cluster.stop()
  }
}

function watchSerf(cluster: SerfCluster): Watched {
  const alive = new Set(cluster.agents.keys())
  const said = new Map<number, Map<number, number>>()
  let wrong = 0
  cluster.onFailed = (by, failed) => {
    if (alive.has(failed)) wrong++
    said.set(failed, (said.get(failed) ?? new Map()).set(by, performance.now()))
  }
  return {
    async kill() {
      const victim = Math.max(...alive)
      alive.delete(victim)
      const from = performance.now()
      await kill(cluster.agents[victim]!)
      await until('all of serf know', 120_000, async () =>
        [...alive].every(by => said.get(victim)?.has(by)) ? true : undefined,
      )
      return { all: Math.max(...[...alive].map(by => said.get(victim)!.get(by)!)) - from }
    },
    falseVerdicts: async () => wrong,
  }
}

function figuresOf(count: number, hive: Course, serf: Course | undefined): Figure[] {
  const figure = (what: string, key: 'all' | 'allLoaded', goal: number): Figure => ({
    bench: 'failure',
    what: `${count} agents, ${what}`,
    unit: 'ms',
    better: 'less',
    hive: hive[key],
    ...(serf && { peer: { name: 'serf', values: serf[key] } }),
    ...(serf && { goal }),
  })
  const wrong = (what: string, key: 'falseIdle' | 'falseLoaded'): Figure => ({
    bench: 'failure',
    what: `${count} agents, false verdicts ${what}`,
    unit: '',
    better: 'less',
    hive: [hive[key]],
    goal: 0,
    ...(serf && { note: `serf ${serf[key]}` }),
  })
  return [
    { ...figure('agreed in the log', 'all', 0.5), hive: hive.agreed },
    figure('all survivors know', 'all', 0.5),
    figure('the same, cores busy', 'allLoaded', 0.5),
    wrong('idle', 'falseIdle'),
    wrong('with busy cores', 'falseLoaded'),
  ]
}

function told({ all, allLoaded, falseIdle, falseLoaded }: Course): string {
  const list = (values: readonly number[]) => values.map(v => v.toFixed(0)).join(', ')
  return `all know after ${list(all)} ms, busy ${list(allLoaded)} ms; false verdicts ${falseIdle} and ${falseLoaded}`
}
