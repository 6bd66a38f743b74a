import { count, text, texts } from '../../base/shape.ts'
import type { Survivor } from '../../cluster/recovery.ts'
import type { VotersVerdict } from '../../cluster/voters.ts'
import type { Answer } from '../../net/link-types.ts'
import type { EventData } from '../../state/events.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import { type Methods, refusal } from '../requests.ts'
import { change, enrol, stays } from './control.ts'
import type { DeskParts } from './desk.ts'

export interface RecoveryDeskParts extends DeskParts {
  /** The disk takes writes. */
  diskWorks(): boolean
  /** ms since a leader was heard; null: never in this process. */
  leaderless(): number | null
  /** Others are of a newer epoch, and were here a moment ago: a rescue here would make two clusters. */
  newerEpoch(): { readonly epoch: number; readonly by: string } | undefined
}

/** What `recover-start` is asked to do; checked anew here, because time has passed since the plan. */
export interface RescueOrder extends Omit<EventData['ClusterRecovered'], 'lineage'> {
  readonly tag: string
  readonly actor: string
}

/** From the forced entry to the agreed event; one write to a disk each. */
const agreePatience = 20_000
const pollPeriod = 50
/** A lineage is one of so many, so that two rescues on both sides of a split never share one. */
const lineages = 2 ** 48

/** A lost quorum, as seen by one control node that is left. */
export function recoveryDesk(
  parts: RecoveryDeskParts,
  dice: { below(n: number): number },
): Methods {
  return {
    'recover-inspect': ({ answer }) => {
      const plane = parts.plane()
      if (!plane) return answer(refusal('NOT_FOUND', `${parts.self.name} carries no log`))
      answer({ ok: true, body: inspection(parts, plane) })
    },

    'recover-start': ({ body, answer }) => {
      const order = readOrder(body)
      const plane = parts.plane()
      const no = objection(parts, plane, order)
      if (no) return answer(refusal('REFUSED', no, 'look at hive recover plan again'))
      const { tag, actor, ...rest } = order
      const rescue = { ...rest, lineage: 1 + dice.below(lineages), actor }
      parts.trace.warn({ ...rescue }, 'a lost quorum is rescued: this node goes on alone')
      // First the intent: should this process end in between, the next one finishes what the log has begun.
      parts.self.update({ group: { tag, rescue } })
      if (!plane!.rescue(rescue.lineage)) {
        parts.self.note({ group: { tag } })
        return answer(refusal('REFUSED', `${parts.self.name} leads again`, 'nothing is lost'))
      }
      agreed(parts, plane!, rescue, answer)
    },
  }
}

export function inspection(parts: RecoveryDeskParts, plane: ControlPlane): Survivor {
  const { self } = parts
  const { term, lastIndex, commit, leader, lineage } = plane.status()
  return {
    id: self.id,
    name: self.name,
    epoch: self.facts.cluster?.epoch ?? 0,
    metaVersion: self.facts.cluster?.metaVersion ?? 0,
    lineage,
    term,
    lastTerm: plane.lastTerm,
    lastIndex,
    commitIndex: commit,
    leader,
    disk: parts.diskWorks(),
    leaderless: leader === null ? parts.leaderless() : 0,
    eventTime: plane.state.time,
  }
}

function objection(
  parts: RecoveryDeskParts,
  plane: ControlPlane | undefined,
  { tag, epoch, voters }: RescueOrder,
): string | undefined {
  const { self } = parts
  const { cluster } = self.facts
  if (!plane || !cluster) return `${self.name} carries no log`
  if (cluster.tag !== tag) return `${self.name} belongs to «${cluster.name}»`
  if (epoch <= cluster.epoch) return `${self.name} is of epoch ${cluster.epoch} already`
  const newer = parts.newerEpoch()
  if (newer)
    return `«${cluster.name}» goes on without ${self.name}: ${newer.by} is of epoch ${newer.epoch}`
  if (voters[0] !== self.id) return `${self.name} is not the one to go on`
  if (self.facts.group?.rescue) return 'a rescue is under way there already; it completes by itself'
  if (!parts.diskWorks()) return `the disk of ${self.name} does not work`
  const leader = plane.leader()
  return leader === null ? undefined : `${self.name} follows a leader again`
}

function agreed(
  parts: RecoveryDeskParts,
  plane: ControlPlane,
  rescue: EventData['ClusterRecovered'],
  answer: Answer,
): void {
  const deadline = parts.clock.now() + agreePatience
  const look = (): void => {
    if (plane.state.cluster?.lineage === rescue.lineage) return gather(parts, plane, rescue, answer)
    if (parts.clock.now() > deadline) {
      return answer(
        refusal(
          'TIMEOUT',
          'the rescue is begun and not agreed yet; it completes by itself',
          'look at hive status',
        ),
      )
    }
    parts.clock.after(pollPeriod, look)
  }
  look()
}

/** The other survivors get the log anew, and then their votes. */
function gather(
  parts: RecoveryDeskParts,
  plane: ControlPlane,
  { voters }: EventData['ClusterRecovered'],
  answer: Answer,
): void {
  const others = voters.filter(id => id !== parts.self.id)
  const willing: string[] = []
  let open = others.length
  const over = () => report(plane, others, answer)
  const done = (): void => {
    if (willing.length === 0) return over()
    // First as learners, then with votes, each beside whoever is there by then: one that dies keeps no other from its own.
    join(parts, plane, willing, 'learn', outcome => {
      for (const id of willing) parts.enlisted.end(id)
      if (!outcome.ok) return over()
      let left = willing.length
      for (const id of willing) join(parts, plane, [id], 'vote', () => --left === 0 && over())
    })
  }
  if (open === 0) return done()
  for (const id of others) {
    enrol(parts, plane, id, outcome => {
      if (outcome.ok) willing.push(id)
      else parts.trace.warn({ id, code: outcome.code }, outcome.message)
      open -= 1
      if (open === 0) done()
    })
  }
}

function join(
  parts: RecoveryDeskParts,
  plane: ControlPlane,
  ids: readonly string[],
  as: 'learn' | 'vote',
  answer: Answer,
): void {
  // Who was taken out meanwhile is waited for no longer.
  const wanted = () => ids.filter(id => stays(parts, plane, id))
  const decide = (): VotersVerdict => {
    const { voters, learners } = plane.status().config
    const missing = wanted().filter(
      id => !voters.includes(id) && !(as === 'learn' && learners.includes(id)),
    )
    if (missing.length === 0) return { ok: true, voters, observers: learners, nothing: true }
    if (as === 'learn')
      return { ok: true, voters, observers: [...learners, ...missing], nothing: false }
    const observers = learners.filter(id => !missing.includes(id))
    return { ok: true, voters: [...voters, ...missing], observers, nothing: false }
  }
  const reached = (): boolean => {
    const { voters, observers } = plane.state
    return wanted().every(id => voters.includes(id) || (as === 'learn' && observers.includes(id)))
  }
  change(parts, plane, { by: `leader:${parts.self.name}`, decide, reached }, answer)
}

/** `others`: who was to vote beside this node. */
function report(plane: ControlPlane, others: readonly string[], answer: Answer): void {
  const { state } = plane
  const nameOf = (id: string) => (state.nodes.get(id) ?? state.tombstones.get(id))?.name ?? id
  const { epoch = 0, metaVersion = 0 } = state.cluster ?? {}
  answer({
    ok: true,
    body: {
      epoch,
      metaVersion,
      leader: nameOf(plane.leader() ?? ''),
      voters: state.voters.map(nameOf),
      missing: others.filter(id => !state.voters.includes(id)).map(nameOf),
    },
  })
}

function readOrder(body: Parameters<Methods[string]>[0]['body']): RescueOrder {
  return {
    tag: text(body, 'tag', 36),
    epoch: count(body, 'epoch'),
    metaVersion: count(body, 'metaVersion'),
    voters: texts(body, 'voters', 64),
    lost: texts(body, 'lost', 64),
    reason: text(body, 'reason', 1000),
    actor: text(body, 'actor', 256),
  }
}
