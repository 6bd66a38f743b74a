import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { seeded } from '../../src/base/random.ts'
import { Client, type Office } from './client.ts'
import type { Stage } from './faults.ts'
import { History } from './history.ts'
import { Namespaces } from './namespaces.ts'
import { Nemesis } from './nemesis.ts'
import { mount, type Network } from './network.ts'
import { bin, otherTime, SoakNode } from './node.ts'
import { faultKinds, type Options } from './options.ts'
import { ProxyNetwork } from './proxy.ts'
import { recoveries } from './recovery.ts'
import { keepResults } from './results.ts'
import { findings, reportOf, type Summary } from './summary.ts'
import { judge } from './verdict.ts'
import { type Workload, workloads } from './workloads.ts'

/** A run, inside the namespaces that `run.ts` made for it where it could. Ends early when its standard input does. */

/** Longest pause of a client between two operations, ms. */
const think = 60
/** Disk of a node that may fill up, MiB. */
const smallDisk = 48
/** Work in the calm after all faults, ms. */
const epilogue = 4_000
/** After the last fault all nodes must be well again within this, s. */
const recoverWithin = 60

interface Input {
  readonly options: Options
  readonly place: string
  readonly network: 'namespaces' | 'proxy'
  /** Mounts are its own, and end with it. */
  readonly mounts: boolean
}

const { options, place, network: kind, mounts } = JSON.parse(process.argv[2]!) as Input
const began = performance.now()
const now = () => performance.now() - began
const say = (text: string) => console.log(`${(now() / 1000).toFixed(1).padStart(7)} s  ${text}`)
let interrupted = false
const interruption = new Promise<void>(resolve => {
  process.stdin.on('end', () => {
    interrupted = true
    resolve()
  })
  process.stdin.resume()
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

process.exitCode = await main()
process.exit()

async function main(): Promise<number> {
  const network: Network =
    kind === 'namespaces'
      ? new Namespaces(options.nodes)
      : new ProxyNetwork(options.nodes, seeded(options.seed))
  console.log(`network: ${network.name}`)
  const faketime = findFaketime()
  const { kinds, missing } = kindsHere(network, faketime)
  console.log(
    `${options.nodes} agents, ${options.clients} clients, ${options.minutes} min, seed ${options.seed}; faults: ${kinds.join(', ') || 'none'}`,
  )
  for (const why of missing) console.log(`left out: ${why}`)
  const secretFile = join(place, 'secret')
  const secret = spawnSync(process.execPath, [bin, 'secret', 'new'], { encoding: 'utf8' })
  writeFileSync(secretFile, secret.stdout, { mode: 0o600 })
  const bugs: string[] = []
  const nodes = Array.from({ length: options.nodes }, (_, i) => {
    // Every second one, so that no loss of these disks is a loss of all.
    const small = kinds.includes('disk') && i % 2 === 0
    if (small) mount('tmpfs', join(place, `n${i + 1}`), `size=${smallDisk}m`)
    const ended = (node: SoakNode, code: number | null, signal: string | null): void => {
      say(`${node.name} ended by itself: ${signal ?? `code ${code}`}`)
      if (code === 70 || signal !== null)
        bugs.push(
          `${node.name} ended by itself at ${(now() / 1000).toFixed(1)} s: ${signal ?? `code ${code}`}`,
        )
    }
    return new SoakNode(i, place, small, options.nodes, {
      ...{ network, secretFile, ended },
      faketime: kinds.includes('clock') ? faketime : undefined,
    })
  })
  try {
    await begin(nodes)
    return await campaign(nodes, network, kinds, bugs)
  } finally {
    await Promise.all(nodes.map(node => node.kill()))
  }
}

async function begin(nodes: readonly SoakNode[]): Promise<void> {
  for (const node of nodes) node.start()
  await eventually('all agents see each other', 60, async () => {
    for (const node of nodes) {
      const report = await node.client.status()
      if (report.nodes.length !== nodes.length) return `${node.name} sees ${report.nodes.length}`
    }
    return undefined
  })
  const control = nodes.map(({ name }) => name).join(',')
  // Not the synchronous one: this process may be the network.
  await promisify(execFile)(
    process.execPath,
    [bin, 'init', '--name', 'soak', '--control', control],
    {
      env: { ...process.env, HIVE_SOCKET: nodes[0]!.socket },
    },
  )
  await allWell(nodes)
  say('the cluster is up')
}

/** Waits until every agent reports every node as ready and a quorum that is whole. */
async function allWell(nodes: readonly SoakNode[]): Promise<number> {
  const since = now()
  await eventually('all nodes are ready', recoverWithin, async () => {
    for (const node of nodes) {
      const { cluster, nodes: seen } = await node.client.status()
      const away = seen.filter(({ state }) => state !== 'ready').map(n => `${n.name} ${n.state}`)
      if (away.length > 0 || seen.length !== nodes.length)
        return `${node.name} sees ${seen.length} nodes; ${away.join(', ')}`
      if (cluster.leader === null) return `${node.name} knows no leader`
      if (cluster.quorum.reachable !== nodes.length)
        return `${node.name} reaches ${cluster.quorum.reachable} of ${cluster.quorum.voters}`
    }
    return undefined
  })
  return now() - since
}

/** `look` says what is still missing. */
async function eventually(
  what: string,
  seconds: number,
  look: () => Promise<string | undefined>,
): Promise<void> {
  const deadline = now() + seconds * 1000
  for (;;) {
    const missing = await look().catch((error: Error) => error.message)
    if (missing === undefined) return
    if (now() > deadline || interrupted)
      throw new Error(`not within ${seconds} s: ${what}: ${missing}`)
    await sleep(100)
  }
}

async function campaign(
  nodes: readonly SoakNode[],
  network: Network,
  kinds: readonly string[],
  bugs: string[],
): Promise<number> {
  const history = new History()
  const dice = seeded(options.seed)
  let number = 0
  const office: Office = { nodes, history, now, next: () => number++ }
  const work = workloads(office)
  const nemesis = new Nemesis({
    kinds,
    dice: dice.fork(),
    now,
    say,
    stage: stageOf(nodes, network),
  })
  const stop = new AbortController()
  const clients = Array.from({ length: options.clients }, (_, i) => {
    const client = new Client(office, dice.fork())
    return pester(client, work[i % work.length]!, stop.signal)
  })
  nemesis.start()
  const progress = setInterval(() => {
    const { ok, fail, info } = history.counts
    say(`… ${ok} ok, ${fail} refused, ${info} unknown; ${nemesis.happened.length} faults`)
  }, 10_000)
  const time = sleep(options.minutes * 60_000, undefined, { ref: false })
  // Clients end by themselves only with an error, which is then thrown here.
  const working = Promise.all(clients)
  await Promise.race([interruption, time, working])
  await nemesis.stop()
  network.calm()
  for (const node of nodes) {
    node.unfill()
    node.setClock(0)
    node.resume()
    node.start()
  }
  const problems = bugs
  let recovered: number | undefined
  if (!interrupted) {
    say('all faults are over; waiting until all is well')
    recovered = await allWell(nodes).catch((error: Error) => {
      problems.push(error.message)
      return undefined
    })
    // So that what recovered is seen to by those who write.
    await Promise.race([interruption, sleep(epilogue, undefined, { ref: false })])
  }
  stop.abort()
  await working
  clearInterval(progress)
  if (!interrupted) problems.push(...(await readBack(office, work, dice.fork())))
  say('judging')
  const judging = performance.now()
  const verdict = judge(history)
  const summary: Summary = {
    options,
    seconds: now() / 1000,
    interrupted,
    counts: history.counts,
    acknowledged: history.acknowledged.length,
    latency: history.acknowledged.map(({ invoked, returned }) => returned - invoked),
    faults: nemesis.happened,
    overall: recoveries(nemesis.happened, history.acknowledged, () => 'all')[0],
    byKind: recoveries(nemesis.happened, history.acknowledged, ({ kind }) => kind),
    bySort: recoveries(nemesis.happened, history.acknowledged, ({ sort }) => sort),
    recovered,
    judged: performance.now() - judging,
    verdict,
    problems,
  }
  console.log(reportOf(summary))
  const failed = findings(summary).length > 0
  if (failed || options.keep) {
    const name = `${new Date().toISOString().slice(0, 19).replace(/[:T]/g, '-')}-seed-${options.seed}`
    const folder = join(import.meta.dirname, 'results', name)
    mkdirSync(folder, { recursive: true })
    keepResults(folder, { ...summary, latency: undefined }, history, nodes)
    console.log(`kept in ${folder}`)
  }
  if (interrupted) return failed ? 1 : 130
  return failed ? 1 : 0
}

async function pester(client: Client, work: Workload, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    client.move()
    await work.act(client)
    await sleep(client.dice.next() * 2 * think)
  }
}

/** Reads every key through every node: part of the history, and the proof that nothing acknowledged is lost. */
async function readBack(
  office: Office,
  work: readonly Workload[],
  dice: ReturnType<typeof seeded>,
): Promise<string[]> {
  const client = new Client(office, dice)
  const problems: string[] = []
  for (const node of office.nodes) {
    client.ask(node)
    for (const one of work) {
      for (const key of one.keys) {
        const answered = await one.readBack(client, key)
        if (!answered)
          problems.push(`${key} cannot be read through ${node.name} though all is repaired`)
      }
    }
  }
  return problems
}

/** What faults are made of, with whoever leads now as somebody says who is in touch with a majority. */
function stageOf(nodes: readonly SoakNode[], network: Network) {
  return async (dice: Stage['dice']): Promise<Stage> => {
    const asked = nodes
      .filter(node => node.running && !node.paused)
      .map(async node => {
        const { cluster, stale } = await node.client.status()
        if (stale || cluster.leader === null) throw new Error('nobody leads here')
        return cluster.leader
      })
    const soon = sleep(1_000, undefined, { ref: false })
    const name = await Promise.race([Promise.any(asked).catch(() => undefined), soon])
    return { nodes, network, dice, leader: nodes.find(node => node.name === name) }
  }
}

/** libfaketime, if it is here and does what it is for. */
function findFaketime(): string | undefined {
  const places = [
    '/usr/lib/x86_64-linux-gnu',
    '/usr/lib/aarch64-linux-gnu',
    '/usr/lib',
    '/usr/lib64',
  ]
  const library = places.map(at => `${at}/faketime/libfaketime.so.1`).find(existsSync)
  if (library === undefined) return undefined
  const file = join(place, 'clock')
  writeFileSync(file, '+7200\n')
  const env = { PATH: process.env.PATH, ...otherTime(library, file) }
  const asked = spawnSync(process.execPath, ['-p', 'Date.now()'], { env, encoding: 'utf8' })
  return Number(asked.stdout) - Date.now() > 7_000_000 ? library : undefined
}

/** The faults that this machine can make, of those that were asked for, and why not the others. */
function kindsHere(
  network: Network,
  faketime: string | undefined,
): { kinds: string[]; missing: string[] } {
  const lacking: Record<string, string | false> = {
    ...network.lacking,
    clock: faketime === undefined && 'libfaketime is not installed, or has no effect',
    disk: !mounts && 'no small disk can be mounted here',
  }
  const asked = options.faults ?? faultKinds
  return {
    kinds: asked.filter(kind => !lacking[kind]),
    missing: asked.flatMap(kind => (lacking[kind] ? [`${kind} (${lacking[kind]})`] : [])),
  }
}
