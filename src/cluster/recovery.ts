import type { EpochMillis, Millis } from '../base/time.ts'
import { quorumOf } from './voters.ts'

/**
 * A quorum is lost (design §4): who is left, who would go on, what may be lost, what becomes of the others.
 * Only an operator can know that the silent ones will not come back; everything else is worked out here.
 */

/** A control node that answers, as it says itself. */
export interface Survivor {
  readonly id: string
  readonly name: string
  readonly epoch: number
  readonly metaVersion: number
  readonly lineage: number
  readonly term: number
  /** The end of its log. */
  readonly lastTerm: number
  readonly lastIndex: number
  readonly commitIndex: number
  /** Whom it takes for the leader. */
  readonly leader: string | null
  /** Its disk takes writes. */
  readonly disk: boolean
  /** Since it last heard a leader; null: it never did, this time. */
  readonly leaderless: Millis | null
  /** Of the last event that it has applied. */
  readonly eventTime: EpochMillis
}

export interface RecoveryFacts {
  readonly voters: readonly string[]
  readonly observers: readonly string[]
  nameOf(id: string): string
  readonly survivors: readonly Survivor[]
  /** Ids of those that an operator wants as voters; undefined: all that can. */
  readonly wanted?: readonly string[]
}

export interface Recovery {
  /** False: nothing may be done, for the reason in `why`. */
  readonly possible: boolean
  readonly why: string
  /** Undefined unless possible. */
  readonly leader?: Survivor
  /** Ids; the leader first. */
  readonly voters: readonly string[]
  /** Control nodes that it is done without. */
  readonly lost: readonly string[]
  readonly epoch: number
  readonly metaVersion: number
  /** To be read before it is done. */
  readonly consequences: readonly string[]
}

export function recovery(facts: RecoveryFacts): Recovery {
  const { voters, survivors, nameOf } = facts
  const epoch = Math.max(0, ...survivors.map(s => s.epoch)) + 1
  const metaVersion = Math.max(0, ...survivors.map(s => s.metaVersion)) + 1
  const impossible = (why: string): Recovery => {
    return { possible: false, why, voters: [], lost: [], epoch, metaVersion, consequences: [] }
  }
  const led = survivors.find(s => s.leader !== null)
  if (led)
    return impossible(`nothing is lost: ${led.name} follows the leader ${nameOf(led.leader!)}`)
  // Of a history that was recovered before, only the newest counts.
  const newest = survivors.filter(s => s.epoch === epoch - 1)
  const able = newest.filter(s => s.disk)
  const voting = able.filter(s => voters.includes(s.id))
  const needed = quorumOf(voters.length)
  if (voting.length >= needed) {
    return impossible(
      `nothing is lost: ${voting.length} of ${voters.length} voters answer, ${needed} are needed; they elect a leader by themselves`,
    )
  }
  const unknown = facts.wanted?.filter(id => !able.some(s => s.id === id)) ?? []
  if (unknown.length > 0) {
    return impossible(
      `${names(unknown, nameOf)} cannot vote: only a control node that answers and whose disk works can`,
    )
  }
  const chosen = facts.wanted
    ? able.filter(s => facts.wanted!.includes(s.id))
    : defaultVoters(able, voters)
  const leader = best(chosen)
  if (!leader) return impossible('no control node with a log and a working disk answers')
  const ids = [leader.id, ...chosen.filter(s => s !== leader).map(s => s.id)]
  const control = [...voters, ...facts.observers]
  return {
    possible: true,
    why: `${voting.length} of ${voters.length} voters answer, ${needed} are needed`,
    leader,
    voters: ids,
    lost: control.filter(id => !survivors.some(s => s.id === id)),
    epoch,
    metaVersion,
    consequences: consequences(facts, leader, ids, survivors),
  }
}

/** Those that voted before; an observer only if nobody else is left, or if its log goes further. */
function defaultVoters(able: readonly Survivor[], voters: readonly string[]): readonly Survivor[] {
  const first = best(able)
  return able.filter(s => voters.includes(s.id) || s === first)
}

/** The log that goes furthest (Raft §5.4.1): it holds most of what may have been acknowledged. */
function best(survivors: readonly Survivor[]): Survivor | undefined {
  return [...survivors].sort(
    (a, b) =>
      b.lastTerm - a.lastTerm ||
      b.lastIndex - a.lastIndex ||
      b.commitIndex - a.commitIndex ||
      (a.name < b.name ? -1 : 1),
  )[0]
}

function consequences(
  { voters, observers, nameOf }: RecoveryFacts,
  leader: Survivor,
  ids: readonly string[],
  survivors: readonly Survivor[],
): readonly string[] {
  const lines = [
    `${leader.name} goes on from its log, which ends at event ${leader.lastIndex} (term ${leader.lastTerm}); ` +
      'what only the lost nodes acknowledged after that is lost',
  ]
  const open = leader.lastIndex - leader.commitIndex
  if (open > 0) {
    lines.push(
      `its last ${open} event${open > 1 ? 's are' : ' is'} not known to be agreed; ${open > 1 ? 'they' : 'it'} will be`,
    )
  }
  for (const other of survivors) {
    if (other === leader) continue
    lines.push(becomes(other, leader, ids.includes(other.id)))
  }
  const lost = [...voters, ...observers].filter(id => !survivors.some(s => s.id === id))
  if (lost.length > 0) {
    lines.push(
      `${names(lost, nameOf)}: shown as failed; refused if they come back (EPOCH_MISMATCH). One that comes back alone sets its log aside and joins anew, ` +
        'without a vote; if they come back with a quorum of their own they go on beside this cluster until hive recover yield is run on them',
    )
  }
  const bears = Math.floor((ids.length - 1) / 2)
  if (bears === 0) {
    lines.push(
      `${ids.length === 1 ? 'one voter survives' : `${ids.length} voters survive`} no failure: make it three with hive control promote NODE as soon as you can`,
    )
  }
  return lines
}

function becomes(other: Survivor, leader: Survivor, votes: boolean): string {
  const role = votes ? 'votes again once it has the log anew' : 'loses its vote, and joins anew'
  const ahead =
    other.epoch < leader.epoch
      ? `, of epoch ${other.epoch}`
      : other.lastIndex > leader.lastIndex || other.lastTerm > leader.lastTerm
        ? `, which has events that ${leader.name} lacks`
        : ''
  return `${other.name}: ${role}; its own log, to event ${other.lastIndex} (term ${other.lastTerm})${ahead}, is set aside in a file`
}

function names(ids: readonly string[], nameOf: (id: string) => string): string {
  return ids.map(nameOf).sort().join(', ')
}
