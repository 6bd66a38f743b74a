import type { EpochMillis } from '../base/time.ts'
import type { LoggedEvent } from '../state/events.ts'
import type { NodePhase } from '../state/types.ts'
import { shownSpan } from './first-validation.ts'

/**
 * Why something is as it is, told from the event log and from what control nodes remember beside it: whom they
 * refused, and whom they took for the leader. Facts in, sentences out.
 */
export interface WhyLine {
  /** Absent: of a node's own journal. */
  readonly seq?: number
  readonly time: EpochMillis
  /** Whose journal says so. */
  readonly where?: string
  readonly text: string
  readonly actor?: string
}

export interface WhyReport {
  readonly subject: string
  /** Newest last. */
  readonly lines: readonly WhyLine[]
  readonly conclusion: string
  /** Control nodes that were asked for their journals and did not answer. */
  readonly silent: readonly string[]
  /** Nobody leads: whose log this is, which may be behind. */
  readonly toldBy?: string
}

/** A refusal as the node that keeps it says. */
export interface RefusalNote {
  readonly where: string
  readonly whom: 'by us' | 'us'
  readonly name: string
  readonly id: string
  readonly address: string
  readonly code: string
  readonly reason: string
  readonly cure: string
  readonly first: EpochMillis
  readonly last: EpochMillis
  readonly count: number
}

/** A change of rank or leader as a control node saw it. */
export interface RankNote {
  readonly where: string
  readonly time: EpochMillis
  readonly term: number
  readonly rank: string
  /** Its name. */
  readonly leader: string | null
  readonly why?: string
  readonly count: number
}

export interface SubjectNode {
  readonly id: string
  readonly name: string
  /** Undefined: it is out. */
  readonly phase?: NodePhase
  readonly failedAt?: EpochMillis
  /** The leader hears it. */
  readonly reachable: boolean
  /** It has left, when, and why. */
  readonly left?: { readonly time: EpochMillis; readonly reason: string }
}

type Names = (id: string) => string
type Data = Readonly<Record<string, unknown>>

export function inOrder(lines: readonly WhyLine[]): readonly WhyLine[] {
  return [...lines].sort((a, b) => a.time - b.time || (a.seq ?? 0) - (b.seq ?? 0))
}

// ---- a node

export function nodeLines(id: string, events: readonly LoggedEvent[], names: Names): WhyLine[] {
  const lines: WhyLine[] = []
  let control = 'none'
  for (const event of events) {
    let text: string | undefined
    if (event.type === 'VotersChanged') {
      const now = standing(event.data as Data, id)
      text = now === control ? undefined : becomes[`${control} ${now}`]
      control = now
    } else {
      text = nodeText(id, event, names)
      if (text !== undefined && event.type === 'ClusterInitialised') control = 'voter'
    }
    if (text === undefined) continue
    lines.push({ seq: event.seq, time: event.time, text, actor: event.actor })
  }
  return lines
}

const becomes: Readonly<Record<string, string>> = {
  'none voter': 'became a control node and votes',
  'none observer': 'became an observer: it has the log, and no vote',
  'observer voter': 'got a vote',
  'observer none': 'carries the log no longer',
  'voter observer': 'lost its vote, and observes',
  'voter none': 'lost its vote, and carries the log no longer',
}

function standing({ voters, observers }: Data, id: string): 'voter' | 'observer' | 'none' {
  if (texts(voters).includes(id)) return 'voter'
  return texts(observers).includes(id) ? 'observer' : 'none'
}

function nodeText(id: string, event: LoggedEvent, names: Names): string | undefined {
  const data = event.data as Data
  if (event.type === 'ClusterInitialised') {
    const control = Array.isArray(data.control) ? (data.control as Data[]) : []
    return control.some(node => node.id === id)
      ? `was there when the cluster «${data.name}» was made, as a control node`
      : undefined
  }
  if (event.type === 'ClusterRecovered')
    return texts(data.lost).includes(id)
      ? `was given up when the lost quorum was rescued: "${data.reason}"`
      : undefined
  if (event.type === 'VoterReplacing' && data.by === id)
    return `gets the vote of ${names(String(data.id))}, which has ${data.reason}`
  const described = (data.node as Data | undefined) ?? data
  return described.id === id ? ownText(event, data, names) : undefined
}

function ownText(event: LoggedEvent, data: Data, names: Names): string | undefined {
  const reason = typeof data.reason === 'string' && data.reason !== '' ? `: "${data.reason}"` : ''
  switch (event.type) {
    case 'NodeAdmitted':
      return `was admitted, at ${at((data.node as Data).address)}`
    case 'NodeReady':
      return 'was ready'
    case 'NodeUpdated':
      return data.address === undefined ? 'said news of itself' : `is now at ${at(data.address)}`
    case 'NodeFailed':
      return `failed: ${accused(data, names)}`
    case 'NodeDraining':
      return `was to drain${reason}`
    case 'NodeDrainCancelled':
      return 'was to work again'
    case 'NodeDrained':
      return data.forced === true ? 'was drained, by its deadline' : 'was drained'
    case 'VoterReplacing':
      return `gives its vote to ${names(String(data.by))}, because it has ${data.reason}`
    case 'NodeLeaving':
      return 'was to leave'
    case 'NodeLeft':
      return data.reason ? `left: ${data.reason}` : 'left'
    case 'JoinRequested':
      return 'asked to be let in, and waits for an operator'
    case 'JoinRefused':
      return `was refused by an operator${reason}`
    case 'RoleReported': {
      const detail = data.detail ? `: ${data.detail}` : ''
      return data.state === 'failed' ? `role ${data.role} failed${detail}` : undefined
    }
    default:
      return undefined
  }
}

/** Who could not reach it, and whether they were well themselves then. */
function accused(data: Data, names: Names): string {
  const health = Array.isArray(data.health) ? (data.health as number[]) : []
  const told = texts(data.accusers).map((id, i) => {
    const score = health[i]
    const state = score === undefined ? '' : score === 0 ? ' (well)' : ` (unwell itself: ${score})`
    return `${names(id)}${state}`
  })
  return `${told.join(', ') || 'nobody'} could not reach it`
}

export function nodeConclusion(
  node: SubjectNode,
  lines: readonly WhyLine[],
  refusals: readonly RefusalNote[],
  wall: EpochMillis,
): string {
  const { name, phase, failedAt, left } = node
  const newest = [...refusals].sort((a, b) => b.last - a.last)[0]
  const since = failedAt ?? left?.time ?? 0
  const refused =
    newest && newest.last >= since
      ? `; ${newest.whom === 'us' ? `it refuses ${newest.where}` : `${newest.where} refuses it`}: ${newest.code}${newest.cure && `: ${newest.cure}`}`
      : ''
  if (left) {
    const back = refused || '; hive join ADDR on it brings it back'
    return `${name} left ${ago(wall, left.time)} ago (${left.reason})${back}`
  }
  if (failedAt !== undefined) {
    const then = refused || '; it comes back by itself when its agent runs and is reached'
    return `${name} failed ${ago(wall, failedAt)} ago${then}`
  }
  switch (phase) {
    case 'ready':
      return node.reachable
        ? `${name} is ready, and answers`
        : `${name} is ready by the log, but the leader does not hear it now; soon it answers, or fails${refused}`
    case 'draining':
    case 'drained': {
      const asked = lines.findLast(l => l.text.startsWith('was to drain'))
      const by = asked?.actor ? ` because ${asked.actor} asked for it` : ''
      return `${name} is ${phase}${by}; hive drain ${name} --cancel has it work again`
    }
    case 'leaving':
      return `${name} is leaving: it is out as soon as it carries the log no longer`
    case 'recovering':
      return `${name} was admitted, and has not said yet that it is ready`
    default:
      return `${name} is in no cluster that this one knows`
  }
}

// ---- elections

const causes: Readonly<Record<string, string>> = {
  first: 'there was none before',
  timeout: 'no leader was heard for an election timeout',
  evidence: 'the port of the leader before refused: its process was gone',
  transfer: 'the leader before handed over to it',
  rescue: 'an operator rescued a lost quorum',
  'no-quorum': 'no quorum answered it',
  resigned: 'it votes no longer, or handed over',
  disk: 'its disk failed',
}

export function electionLines(
  events: readonly LoggedEvent[],
  names: Names,
  ranks: readonly RankNote[],
): readonly WhyLine[] {
  const lines = events
    .filter(e => e.type === 'LeaderElected')
    .map(({ seq, time, data }) => {
      const { term, leader, cause } = data as Data
      const who = typeof leader === 'string' ? names(leader) : 'a leader that did not say its name'
      return { seq, time, text: `term ${term}: ${who} was elected${because(cause)}` }
    })
  return inOrder([...lines, ...ranks.map(rankLine)])
}

function because(cause: unknown): string {
  return typeof cause === 'string' && cause !== '' ? `: ${causes[cause] ?? cause}` : ''
}

function rankLine({ where, time, term, rank, leader, why, count }: RankNote): WhyLine {
  const times = count > 1 ? ` (${count} times)` : ''
  const text =
    rank === 'leader'
      ? `leads in term ${term}${because(why)}`
      : rank === 'pre-candidate' || rank === 'candidate'
        ? `stood for election after term ${term}${times}${because(why)}`
        : leader !== null
          ? `follows ${leader} in term ${term}`
          : why !== undefined
            ? `led in term ${term} no longer${because(why)}`
            : `knew of no leader in term ${term}${times}`
  return { time, where, text }
}

export function electionConclusion(
  leader: { readonly name: string; readonly term: number } | undefined,
  lines: readonly WhyLine[],
  wall: EpochMillis,
): string {
  const elected = lines.filter(l => l.seq !== undefined)
  const hour = elected.filter(l => wall - l.time < 3_600_000).length
  const often = `${hour} election${hour === 1 ? '' : 's'} in the last hour`
  if (!leader) return `nobody leads: no quorum of control nodes elects a leader; ${often}`
  const last = elected.findLast(l => l.text.startsWith(`term ${leader.term}:`))
  const why = last?.text.split(' was elected: ')[1]
  const told = last ? ` since event ${last.seq}, ${ago(wall, last.time)} ago` : ''
  return `${leader.name} leads in term ${leader.term}${told}${why ? ` (${why})` : ''}; ${often}`
}

// ---- epochs

export function epochLines(events: readonly LoggedEvent[], names: Names): WhyLine[] {
  const lines: WhyLine[] = []
  for (const { seq, time, actor, epoch, type, data } of events) {
    const text = epochText(type, epoch, data as Data, names)
    if (text !== undefined) lines.push({ seq, time, text, actor })
  }
  return lines
}

function epochText(
  type: LoggedEvent['type'],
  epoch: number,
  data: Data,
  names: Names,
): string | undefined {
  switch (type) {
    case 'ClusterInitialised':
      return `epoch ${epoch}: the cluster «${data.name}» was made`
    case 'TombstonesCollected':
      return `epoch ${epoch}: deletions up to event ${data.through} were older than the grace period, and forgotten`
    case 'ClusterRecovered': {
      const lost = texts(data.lost).map(names).sort().join(', ')
      return `epoch ${epoch}: a lost quorum was rescued${lost && `, without ${lost}`}: "${data.reason}"`
    }
    case 'SnapshotRestored':
      return `epoch ${epoch}: a snapshot of «${data.name}», as of its event ${data.index}, was restored`
    default:
      return undefined
  }
}

/** `horizon`: deletions up to this event are forgotten; 0: none. */
export function epochConclusion(epoch: number, horizon: number, lines: readonly WhyLine[]): string {
  const last = lines.at(-1)
  const why =
    last?.text.replace(/^epoch \d+: /, '') ?? 'the events that raised it are not kept any more'
  const since = last?.seq === undefined ? '' : ` since event ${last.seq}`
  return `the epoch is ${epoch}${since}: ${why}${epoch > 1 ? `; ${whoReturns(horizon)}` : ''}`
}

function whoReturns(horizon: number): string {
  return horizon > 0
    ? `a node without the log that has not heard of event ${horizon} bootstraps anew when it is back`
    : 'nodes that were away catch up with it'
}

// ---- joins and refusals

export function refusalLine(note: RefusalNote): WhyLine {
  const { where, whom, name, address, code, reason, cure, count, last } = note
  const who = name || 'somebody'
  const times = count > 1 ? ` ${count} times` : ''
  const deed = whom === 'us' ? `was refused by ${who}` : `refused ${who}`
  const text = `${deed} at ${address}${times}: ${code}: ${reason}${cure && `; ${cure}`}`
  return { time: last, where, text }
}

export function joinConclusion(
  name: string,
  node: SubjectNode | undefined,
  waits: boolean,
  refusals: readonly RefusalNote[],
  cureOf: (code: string) => string,
): string {
  if (node?.phase) return `${name} is in the cluster: it is ${node.phase}; see hive why ${name}`
  if (waits) return `${name} waits for an operator: hive admit ${name}, or hive refuse ${name}`
  const newest = [...refusals].sort((a, b) => b.last - a.last)[0]
  if (newest) {
    const cure = newest.cure || cureOf(newest.code)
    const by = newest.whom === 'us' ? `${newest.where} was refused` : `${newest.where} refused it`
    return `${name} is not in: ${by} with ${newest.code}${cure && `; ${cure}`}`
  }
  if (node?.left) return `${name} left (${node.left.reason}), and has not asked to come back`
  return `${name} was not refused by anybody who remembers`
}

// ---- words

function at(address: unknown): string {
  const { host, port } = (address ?? {}) as { host?: unknown; port?: unknown }
  const shown = String(host)
  return `${shown.includes(':') ? `[${shown}]` : shown}:${port}`
}

function ago(wall: EpochMillis, time: EpochMillis): string {
  return shownSpan(Math.max(0, wall - time))
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(v => typeof v === 'string') : []
}
