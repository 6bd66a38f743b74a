import { optionalText, text } from '../../base/shape.ts'
import { didYouMean } from '../../base/similar.ts'
import type { SubjectNode } from '../../cluster/why.ts'
import type { LoggedEvent } from '../../state/events.ts'
import { stateLimits } from '../../state/limits.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import type { RankJournal } from '../control/rank-journal.ts'
import type { Journal, Refused } from '../entrance/journal.ts'
import { type Methods, refusal } from '../requests.ts'
import { asLeader, type DeskParts, reachable } from './desk.ts'

export type About = 'node' | 'election' | 'epoch' | 'join'

/** What is agreed about a question. */
export interface AgreedFacts {
  /** Newest last. */
  readonly events: readonly LoggedEvent[]
  /** By id. */
  readonly names: Readonly<Record<string, string>>
  readonly node?: SubjectNode
  /** An operator has to decide about it. */
  readonly waits: boolean
  /** What was meant, perhaps, when nobody is called so. */
  readonly near?: string
  readonly leader: { readonly name: string; readonly term: number } | null
  readonly epoch: number
  /** Deletions up to this event are forgotten; absent: none, or an older hive says nothing of it. */
  readonly horizon?: number
  /** Who tells, and how far its log goes; absent: the leader does, or an older hive. */
  readonly witness?: { readonly name: string; readonly applied: number }
}

/** What one node remembers that is in no log. */
export interface RememberedFacts {
  readonly ranks: ReturnType<RankJournal['entries']>
  readonly refused: readonly Refused[]
  /** Names of all who were refused. */
  readonly strangers: readonly string[]
}

/** Events that one answer tells of; older ones are in `hive log`. */
const maxTold = 200
const maxStrangers = 64

export interface InquiryDeskParts extends DeskParts {
  readonly journal: Journal
  readonly ranks: RankJournal
}

export function inquiriesDesk(parts: InquiryDeskParts): Methods {
  return {
    'why-agreed': asLeader(parts, ({ body, answer }, plane) =>
      answer({ ok: true, body: agreedFacts(parts, plane, aboutOf(body.about), name(body)) }),
    ),
    /** Nobody leads: what this node's log has. */
    'why-here': ({ body, answer }) => {
      const plane = parts.plane()
      if (!plane?.state.cluster)
        return answer(refusal('NO_QUORUM', `${parts.self.name} does not carry the log`))
      answer({ ok: true, body: factsHere(parts, plane, aboutOf(body.about), name(body)) })
    },
    'why-remembered': ({ body, answer }) =>
      answer({ ok: true, body: remembered(parts, aboutOf(body.about), text(body, 'name', 128)) }),
  }

  function name(body: Parameters<Methods[string]>[0]['body']): string {
    return optionalText(body, 'name', 128) ?? ''
  }
}

function aboutOf(value: unknown): About {
  return value === 'election' || value === 'epoch' || value === 'join' ? value : 'node'
}

/** As far as this node's log goes. */
export function factsHere(
  parts: DeskParts,
  plane: ControlPlane,
  about: About,
  nameOrId: string,
): AgreedFacts {
  const witness = { name: parts.self.name, applied: plane.state.applied }
  return { ...agreedFacts(parts, plane, about, nameOrId), witness }
}

function agreedFacts(
  parts: DeskParts,
  plane: ControlPlane,
  about: About,
  nameOrId: string,
): AgreedFacts {
  const { state } = plane
  const all = state.history(0, stateLimits.history)
  const names = namesIn(plane, all)
  const node =
    about === 'node' || about === 'join' ? subject(parts, plane, names, nameOrId) : undefined
  const concerned = concerning(about, node?.id)
  const leader = plane.leader()
  const requests = [...state.joinRequests.values()]
  const near = node ? undefined : didYouMean(nameOrId, new Set(Object.values(names)))
  return {
    events: all.filter(concerned).slice(-maxTold),
    names,
    ...(node && { node }),
    waits: requests.some(r => r.refused === null && [r.node.name, r.node.id].includes(nameOrId)),
    ...(near !== undefined && { near }),
    leader: leader === null ? null : { name: names[leader] ?? leader, term: plane.term },
    epoch: state.cluster?.epoch ?? 0,
    ...(state.cluster?.horizon !== undefined && { horizon: state.cluster.horizon }),
  }
}

function concerning(about: About, id: string | undefined): (event: LoggedEvent) => boolean {
  switch (about) {
    case 'election':
      return e => e.type === 'LeaderElected'
    case 'epoch':
      return e => raisesEpoch.has(e.type)
    default:
      // Who votes is told in relation to what was before.
      return e => e.type === 'VotersChanged' || (id !== undefined && mentions(e.data, id))
  }
}

const raisesEpoch: ReadonlySet<string> = new Set([
  'ClusterInitialised',
  'TombstonesCollected',
  'ClusterRecovered',
  'SnapshotRestored',
])

function mentions(data: unknown, id: string): boolean {
  const { id: own, by, node, control, lost } = data as Readonly<Record<string, unknown>>
  const ids = [own, by, (node as { id?: unknown } | undefined)?.id]
  for (const list of [control, lost])
    if (Array.isArray(list)) ids.push(...list.map(one => (typeof one === 'string' ? one : one?.id)))
  return ids.includes(id)
}

/** Also of those who left, as long as the history tells of them. */
function namesIn(plane: ControlPlane, events: readonly LoggedEvent[]): Record<string, string> {
  const names: Record<string, string> = {}
  const learn = (node: unknown) => {
    const { id, name } = (node ?? {}) as { id?: unknown; name?: unknown }
    if (typeof id === 'string' && typeof name === 'string') names[id] = name
  }
  for (const { data } of events) {
    const { node, control } = data as { node?: unknown; control?: unknown }
    learn(node)
    if (Array.isArray(control)) control.forEach(learn)
  }
  for (const gone of plane.state.tombstones.values()) learn(gone)
  for (const node of plane.state.nodes.values()) learn(node)
  return names
}

function subject(
  parts: DeskParts,
  plane: ControlPlane,
  names: Readonly<Record<string, string>>,
  nameOrId: string,
): SubjectNode | undefined {
  const { nodes, tombstones } = plane.state
  const record = plane.state.nodeByName(nameOrId) ?? nodes.get(nameOrId)
  if (record) {
    const { id, name, phase, failedAt } = record
    return {
      ...{ id, name, phase, reachable: reachable(parts, plane).has(id) },
      ...(failedAt !== undefined && { failedAt }),
    }
  }
  const gone = [...tombstones.values()].findLast(t => t.name === nameOrId || t.id === nameOrId)
  if (gone) {
    const { id, name, time, reason } = gone
    return { id, name, reachable: false, left: { time, reason } }
  }
  const [id, name] = Object.entries(names).findLast(e => e.includes(nameOrId)) ?? []
  return id === undefined || name === undefined ? undefined : { id, name, reachable: false }
}

export function remembered(
  { journal, ranks, self }: Pick<InquiryDeskParts, 'journal' | 'ranks' | 'self'>,
  about: About,
  nameOrId: string,
): RememberedFacts {
  const entries = journal.entries()
  // Whoever refused this node is the reason why this node is not in.
  const isMeant = (r: Refused) =>
    r.name === nameOrId ||
    r.id === nameOrId ||
    (r.whom === 'us' && (nameOrId === self.name || nameOrId === self.id))
  return {
    ranks: about === 'election' ? ranks.entries() : [],
    refused: about === 'node' || about === 'join' ? entries.filter(isMeant) : [],
    strangers: [...new Set(entries.map(e => e.name).filter(Boolean))].slice(-maxStrangers),
  }
}
