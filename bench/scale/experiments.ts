import type { Millis } from '../../src/base/time.ts'
import { Fabric, type FabricOptions, indexOf } from './fabric.ts'
import { agreement, Obituaries } from './obituaries.ts'
import { type Spread, spread } from './spread.ts'

/** What one node costs while nothing happens, and by how much that differs between nodes. */
export function steady(nodes: number, warm: Millis, measured: Millis) {
  const before = heap()
  const fabric = new Fabric({ nodes })
  let gaveUp = 0
  fabric.changed = (_, member) => {
    if (member.status === 'unreachable') gaveUp++
  }
  fabric.introduceAll()
  fabric.run(warm)
  const memory = (heap() - before) / nodes
  fabric.takeTraffic()
  const began = performance.now()
  fabric.run(measured)
  const took = performance.now() - began
  const { packets, bytes } = fabric.takeTraffic()
  const seconds = measured / 1000
  return {
    nodes,
    packetsPerSecond: spread(packets.map(p => p / seconds)),
    bytesPerSecond: spread(bytes.map(b => b / seconds)),
    view: spread(fabric.cores.map(core => core.members().length)),
    memoryBytes: Math.round(memory),
    cpuMicrosPerSecond: Math.round((took * 1000) / nodes / seconds),
    gaveUp,
    secondsMeasured: seconds,
  }
}

/** Of loss alone, before the first death. */
const beforeDeaths: Millis = 5_000
const betweenDeaths: Millis = 50

/** Until the last keeper has heard of a death, at most. */
const patience: Millis = 15_000

/** Members die one after the other. */
export function failures(nodes: number, deaths: number, gap: Millis) {
  const fabric = settled({ nodes })
  const obituaries = new Obituaries(fabric)
  fabric.changed = (by, member, now) => obituaries.hear(by, member, now)
  for (const i of some(fabric, deaths, nodes)) {
    obituaries.die(i)
    fabric.run(gap)
  }
  // Keepers that forgot the dead one never hear of it: two seconds without news are the end.
  for (let waited = 0, quiet = 0; waited < patience && quiet < 2_000; waited += 500) {
    const before = obituaries.known
    fabric.run(500)
    quiet = obituaries.known === before && obituaries.agreed === deaths ? quiet + 500 : 0
  }
  return { nodes, deaths, ...obituaries.figures() }
}

/** Newcomers, each through a member picked at random; with the control plane's help or by rings alone. */
export function joins(
  nodes: number,
  count: number,
  helped: boolean,
  gap: Millis,
  patience: Millis,
) {
  const fabric = settled({ nodes, newcomers: count })
  const members = some(fabric, count, nodes)
  const bornAt = new Map<string, number>()
  const left = new Map<string, Set<number>>()
  const known: number[] = []
  const place: number[] = []
  fabric.changed = (by, member, now) => {
    const keepers = left.get(member.id)
    if (keepers?.delete(by)) known.push(now - bornAt.get(member.id)!)
    const own = left.get(`>n${by}`)
    if (own?.delete(indexOf(member.id))) place.push(now - bornAt.get(`n${by}`)!)
  }
  let pairs = 0
  let places = 0
  for (const seed of members) {
    const i = fabric.boot()
    const id = `n${i}`
    fabric.rings.add(id)
    const keepers = new Set(fabric.watchers(i))
    const slice = new Set(fabric.slice(i))
    left.set(id, keepers)
    left.set(`>${id}`, slice)
    pairs += keepers.size
    places += slice.size
    bornAt.set(id, fabric.now)
    fabric.input(i, { type: 'introduce', members: [fabric.infos[seed]!] })
    fabric.input(seed, { type: 'introduce', members: [fabric.infos[i]!] })
    if (helped) help(fabric, i)
    fabric.run(gap)
  }
  fabric.run(patience)
  return {
    nodes,
    count,
    helped,
    keepersKnow: spread(known),
    newcomerKnows: spread(place),
    keptBy: share(known.length, pairs),
    placed: share(place.length, places),
    knownAt999: at999(known, pairs),
    placedAt999: at999(place, places),
  }
}

function help(fabric: Fabric, i: number): void {
  const slice = fabric.slice(i)
  const admitted = fabric.now + agreement.commit
  fabric.at(admitted, () =>
    fabric.input(i, { type: 'introduce', members: slice.map(j => fabric.infos[j]!) }),
  )
  for (const j of slice) {
    fabric.at(admitted + fabric.random.below(agreement.notice), () =>
      fabric.input(j, { type: 'introduce', members: [fabric.infos[i]!] }),
    )
  }
}

/**
 * Packets are lost, and after a while some members die: who is suspected and given up that lives, and how long it
 * takes until those who died are given up.
 */
export function lossy(nodes: number, loss: number, duration: Millis, deaths: number) {
  const fabric = settled({ nodes })
  fabric.loss = loss
  const obituaries = new Obituaries(fabric)
  let suspicions = 0
  let verdicts = 0
  const buried = new Set<string>()
  fabric.changed = (by, member, now) => {
    if (obituaries.hear(by, member, now)) return
    if (member.status === 'suspect' && member.accusers.length === 1) suspicions++
    if (member.status !== 'unreachable') return
    verdicts++
    buried.add(member.id)
  }
  fabric.takeTraffic()
  fabric.run(beforeDeaths)
  const { packets, bytes } = fabric.takeTraffic()
  for (const i of some(fabric, deaths, nodes)) {
    obituaries.die(i)
    fabric.run(betweenDeaths)
  }
  fabric.run(duration - beforeDeaths - deaths * betweenDeaths)
  const hours = (nodes * duration) / 3_600_000
  return {
    nodes,
    loss,
    seconds: duration / 1000,
    suspicionsHeldPerNodeHour: round(suspicions / hours),
    falseOpinions: verdicts,
    falseOpinionsPerNodeHour: round(verdicts / hours),
    membersWronglyGivenUp: buried.size,
    bytesPerSecond: Math.round(sum(bytes) / nodes / (beforeDeaths / 1000)),
    packetsPerSecond: round(sum(packets) / nodes / (beforeDeaths / 1000)),
    deaths,
    ...obituaries.figures(),
  }
}

export interface Stage {
  /** Since half of all died, ms. */
  readonly after: Millis
  /** Pieces that the living fall into, and the share of them in the largest. */
  readonly components: number
  readonly largest: number
  /** Living members that each keeps. */
  readonly living: Spread
  /** Of those whom each is to keep by now, the share that it keeps. */
  readonly placed: number
}

/** Half of all die at the same moment: does the rest hang together, and how do the gaps close? */
export function halved(nodes: number, healing: readonly Millis[], seen: (stage: Stage) => void) {
  const fabric = new Fabric({ nodes })
  fabric.introduceAll()
  fabric.run(5_000)
  for (const i of some(fabric, nodes / 2, nodes)) fabric.kill(i)
  const stages: Stage[] = []
  let at = 0
  for (const after of [0, ...healing]) {
    fabric.run(after - at)
    at = after
    const stage = { after, ...connection(fabric), placed: placed(fabric) }
    stages.push(stage)
    seen(stage)
  }
  return { nodes, stages }
}

/** So many members are asked how right their slices are. */
const polled = 2_000

function placed(fabric: Fabric): number {
  let kept = 0
  let wanted = 0
  const living = fabric.cores.map((_, i) => i).filter(i => fabric.up[i] === 1)
  const every = Math.ceil(living.length / polled)
  for (const i of living.filter((_, at) => at % every === 0)) {
    for (const j of fabric.slice(i)) {
      wanted++
      const status = fabric.cores[i]!.member(`n${j}`)?.status
      if (status === 'alive' || status === 'suspect') kept++
    }
  }
  return share(kept, wanted)
}

function connection(fabric: Fabric) {
  const living = fabric.cores.map((_, i) => i).filter(i => fabric.up[i] === 1)
  const degrees: number[] = []
  const component = new Int32Array(fabric.cores.length).fill(-1)
  const neighbours = (i: number) =>
    fabric.cores[i]!.members()
      .filter(m => m.status === 'alive' || m.status === 'suspect')
      .map(m => indexOf(m.id))
      .filter(j => fabric.up[j] === 1)
  const links = new Map(living.map(i => [i, neighbours(i)]))
  let largest = 0
  let components = 0
  for (const start of living) {
    degrees.push(links.get(start)!.length)
    if (component[start] !== -1) continue
    // Whom nobody points to, yet who points to the rest, is in: messages carry answers back.
    const queue = [start]
    component[start] = components
    for (const i of queue) {
      for (const j of links.get(i)!) {
        if (component[j] !== -1) continue
        component[j] = components
        queue.push(j)
      }
    }
    largest = Math.max(largest, queue.length)
    components++
  }
  return { components, largest: share(largest, living.length), living: spread(degrees) }
}

function settled(options: FabricOptions): Fabric {
  const fabric = new Fabric(options)
  fabric.introduceAll()
  fabric.run(5_000)
  return fabric
}

function some(fabric: Fabric, count: number, of: number): number[] {
  const picked = new Set<number>()
  while (picked.size < count) picked.add(fabric.random.below(of))
  return [...picked]
}

function heap(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

function sum(values: Float64Array): number {
  return values.reduce((a, b) => a + b, 0)
}

function share(part: number, whole: number): number {
  return whole === 0 ? 1 : Math.round((part / whole) * 1e5) / 1e5
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}

/** When 99.9 % of all that should know did; null: they never did. */
function at999(times: readonly number[], pairs: number): number | null {
  const wanted = Math.ceil(pairs * 0.999)
  return times.toSorted((a, b) => a - b)[wanted - 1] ?? null
}
