import type { ErrorCode } from '../base/errors.ts'
import type { EpochMillis, Millis } from '../base/time.ts'

/**
 * First validation (design §4): may this peer speak to us at all? Asked in the transport's handshake,
 * before any membership message, by both ends. It looks only at what the two say of themselves, and at
 * what the end that judges has found out before.
 */

export interface Allegiance {
  readonly tag: string
  readonly clusterName: string
  readonly epoch: number
  readonly metaVersion: number
  /** Which rescue of a lost quorum this history goes back to; absent: none, it goes back to the init. */
  readonly lineage?: number
  /** The node knows the event log up to here; absent: who knows. */
  readonly seen?: number
  /** The node carries the log itself, which brings it up to date whatever it believes now. */
  readonly carries?: boolean
}

export interface Party {
  readonly id: string
  readonly name: string
  readonly protocolMin: number
  readonly protocolMax: number
  readonly version: string
  readonly busy: boolean
  readonly allegiance?: Allegiance
  /** Its wall clock when it said so; absent: a build that does not tell. */
  readonly clock?: EpochMillis
}

/** What the judging end knows beside the two parties. */
export interface Circumstances {
  /** The peer is in our physical or logical topology already, or a partner of the init under way. */
  readonly known: boolean
  /** The peer dialled us: it joins, and we are the node asked. */
  readonly asked: boolean
  /** Clocks may differ by this much. */
  readonly clockLimit: Millis
  /** Deletions up to this index of the log are forgotten in our epoch; 0: none. */
  readonly horizon: number
  /** How a claim of a larger meta version compares with the control plane. */
  readonly claim: 'unchecked' | 'confirmed' | 'diverged'
}

export type FirstVerdict =
  | { readonly outcome: 'welcome' }
  | { readonly outcome: 'busy'; readonly reason: string }
  | { readonly outcome: 'rejected'; readonly code: ErrorCode; readonly reason: string }

/** A row of the table: what it says, or undefined where it does not apply. */
type Row = (self: Party, peer: Party, around: Circumstances) => FirstVerdict | undefined

/** In this order: what no waiting can change is said before "not now". */
const rows: readonly Row[] = [commonProtocol, sameCluster, sameEpoch, clocks, notBusy, noLargerMeta]

export function firstValidation(self: Party, peer: Party, around: Circumstances): FirstVerdict {
  for (const row of rows) {
    const verdict = row(self, peer, around)
    if (verdict !== undefined) return verdict
  }
  // An empty node on either side too: it may ask to be admitted, or be invited; that infects nobody.
  return { outcome: 'welcome' }
}

function commonProtocol(self: Party, peer: Party): FirstVerdict | undefined {
  if (peer.protocolMin <= self.protocolMax && peer.protocolMax >= self.protocolMin) return undefined
  return rejected(
    'VERSION_MISMATCH',
    `${peer.name} (hive ${peer.version}) speaks protocol ${range(peer)}, ` +
      `${self.name} (hive ${self.version}) speaks ${range(self)}`,
  )
}

function sameCluster(self: Party, peer: Party): FirstVerdict | undefined {
  const ours = self.allegiance
  const theirs = peer.allegiance
  if (!ours || !theirs || ours.tag === theirs.tag) return undefined
  return rejected(
    'TAG_MISMATCH',
    `${self.name} belongs to «${ours.clusterName}» (tag ${ours.tag}), ` +
      `${peer.name} to «${theirs.clusterName}» (tag ${theirs.tag})`,
  )
}

/**
 * A node of an older epoch may believe in what was deleted. It is welcome all the same if it has seen
 * every deletion that this epoch has forgotten, or carries the log, which does not merge beliefs but
 * replaces them. Histories of two lineages have parted, and nothing joins them again.
 */
function sameEpoch(self: Party, peer: Party, around: Circumstances): FirstVerdict | undefined {
  const ours = self.allegiance
  const theirs = peer.allegiance
  if (!ours || !theirs) return undefined
  if (lineageOf(ours) !== lineageOf(theirs)) return partedWays(self, ours, peer, theirs)
  // Of an epoch that we have not reached the other end judges us: it knows what it has forgotten.
  if (theirs.carries === true) return undefined
  if (!missedDeletions(theirs, { epoch: ours.epoch, horizon: around.horizon })) return undefined
  return rejected(
    'EPOCH_MISMATCH',
    `${peer.name} knows «${theirs.clusterName}» as of epoch ${theirs.epoch}, up to event ${theirs.seen ?? 0}; ` +
      `in epoch ${ours.epoch} deletions up to event ${around.horizon} are forgotten`,
  )
}

/** Of an older epoch, and it has not seen all that this one has forgotten. */
export function missedDeletions(
  theirs: { readonly epoch: number; readonly seen?: number },
  ours: { readonly epoch: number; readonly horizon: number },
): boolean {
  return theirs.epoch < ours.epoch && (theirs.seen ?? 0) < ours.horizon
}

function partedWays(self: Party, ours: Allegiance, peer: Party, theirs: Allegiance): FirstVerdict {
  if (theirs.epoch === ours.epoch) {
    return rejected(
      'DIVERGED',
      `«${ours.clusterName}» was recovered twice, on both sides of a split: ${self.name} and ${peer.name} ` +
        `are both of epoch ${ours.epoch}, and of different histories`,
    )
  }
  const [older, newer, at] =
    theirs.epoch < ours.epoch ? [peer, self, ours.epoch] : [self, peer, theirs.epoch]
  return rejected(
    'EPOCH_MISMATCH',
    `«${ours.clusterName}» was recovered without ${older.name}: ${newer.name} is of epoch ${at}, ` +
      `${older.name} of epoch ${older.allegiance?.epoch}`,
  )
}

/**
 * Only those who come are asked for the time. What members agree on depends on no clock, so that a
 * clock which goes wrong later must not take a member, and with it perhaps the quorum, away.
 */
function clocks(self: Party, peer: Party, around: Circumstances): FirstVerdict | undefined {
  // Of another cluster nobody gets this far.
  const member = around.known || (self.allegiance !== undefined && peer.allegiance !== undefined)
  if (member || self.clock === undefined || peer.clock === undefined) return undefined
  const ahead = peer.clock - self.clock
  if (Math.abs(ahead) <= around.clockLimit) return undefined
  return rejected(
    'CLOCK_SKEW',
    `the clock of ${peer.name} is ${shownSpan(Math.abs(ahead))} ${ahead > 0 ? 'ahead of' : 'behind'} ` +
      `that of ${self.name}; ${shownSpan(around.clockLimit)} are allowed`,
  )
}

function notBusy(self: Party, _: Party, around: Circumstances): FirstVerdict | undefined {
  if (!self.busy || around.known) return undefined
  return { outcome: 'busy', reason: `${self.name} is in the middle of an init or a join` }
}

/**
 * Either we are behind, or the peer comes from a future that the cluster lost. The control plane knows,
 * by a read that was begun after the claim was heard. Until it has answered the node asked puts the
 * peer off; one that dials takes the link, because through it the answer may have to come.
 */
function noLargerMeta(self: Party, peer: Party, around: Circumstances): FirstVerdict | undefined {
  const ours = self.allegiance
  const theirs = peer.allegiance
  if (!ours || !theirs) return undefined
  if (around.claim === 'diverged') {
    return rejected(
      'DIVERGED',
      `${peer.name} knows meta version ${theirs.metaVersion} of «${ours.clusterName}», ` +
        'which the control plane never had: it comes from a future that was lost',
    )
  }
  if (theirs.metaVersion <= ours.metaVersion || around.claim === 'confirmed') return undefined
  if (!around.asked) return undefined
  return {
    outcome: 'busy',
    reason:
      `${self.name} knows meta version ${ours.metaVersion}, ${peer.name} ${theirs.metaVersion}: ` +
      `${self.name} asks the control plane first`,
  }
}

/** Refusals that trying again cannot mend: somebody has to act first. */
export function isFinal(code: ErrorCode): boolean {
  return finalCodes.has(code)
}

const finalCodes = new Set<ErrorCode>([
  'NAME_TAKEN',
  'VERSION_MISMATCH',
  'UNKNOWN_ROLE',
  'TAG_MISMATCH',
  'DIVERGED',
  'TOKEN_WRONG',
  'TOKEN_EXPIRED',
  'TOKEN_SPENT',
  'TOKEN_REVOKED',
  'TOKEN_FOREIGN',
  'NAME_REFUSED',
  'JOIN_REFUSED',
])

/** What to do about a refusal of the first validation, for whoever was refused; '' where the code says it all. */
export function cureOf(code: ErrorCode): string {
  switch (code) {
    case 'VERSION_MISMATCH':
      return 'upgrade the older of the two; one version apart is fine'
    case 'TAG_MISMATCH':
      return 'if this node is to change clusters: hive reset makes it empty, then hive join ADDR'
    case 'EPOCH_MISMATCH':
      return 'a node that is alone sets its old state aside and joins anew by itself; a side with a quorum has to be told: hive recover yield'
    case 'DIVERGED':
      return 'nothing is lost; decide which history counts: hive recover yield here makes this node take the other'
    case 'CLOCK_SKEW':
      return 'set the clock (chronyc makestep, or timedatectl set-ntp true); the node tries on by itself'
    case 'UNTRUSTED':
      return 'give this node the secret of the cluster (--secret-file), or a token of it; hive secret new makes one for a new cluster'
    case 'IDENTITY_MISMATCH':
      return 'a node whose key was lost comes back as a new one: hive reset here, then hive node remove NODE for the old one'
    case 'DUPLICATE_NODE':
      return 'stop one of the two; hive reset on the copy, and a start under another --name, make it a node of its own'
    case 'TOKEN_FOREIGN':
      return 'give the address of a node of that cluster; if its authority was rotated since, have a new token made: hive token create'
    case 'REMOVED':
      return 'it was taken out by an operator; hive join ADDR brings it back if it may come, after hive reset where it still shows the cluster'
    default:
      return ''
  }
}

function lineageOf(allegiance: Allegiance): number {
  return allegiance.lineage ?? 0
}

function range(party: Party): string {
  return party.protocolMin === party.protocolMax
    ? `${party.protocolMin}`
    : `${party.protocolMin}–${party.protocolMax}`
}

function rejected(code: ErrorCode, reason: string): FirstVerdict {
  return { outcome: 'rejected', code, reason }
}

/** As people say it: `4 min`, `90 s`, `3 d`. */
export function shownSpan(span: Millis): string {
  const seconds = Math.round(span / 1000)
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} d`
}
