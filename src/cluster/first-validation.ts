import type { ErrorCode } from '../base/errors.ts'

/**
 * First validation (design §4): may this peer speak to us at all? Asked in the transport's handshake,
 * before any membership message, by both ends. It looks only at what the two say of themselves.
 */

export interface Allegiance {
  readonly tag: string
  readonly clusterName: string
  readonly epoch: number
  readonly metaVersion: number
}

export interface Party {
  readonly id: string
  readonly name: string
  readonly protocolMin: number
  readonly protocolMax: number
  readonly version: string
  readonly busy: boolean
  readonly allegiance?: Allegiance
}

export type FirstVerdict =
  | { readonly outcome: 'welcome' }
  | { readonly outcome: 'busy'; readonly reason: string }
  | { readonly outcome: 'rejected'; readonly code: ErrorCode; readonly reason: string }

/** `known`: the peer is already in our physical topology, or a partner of the init under way. */
export function firstValidation(self: Party, peer: Party, known: boolean): FirstVerdict {
  if (peer.protocolMin > self.protocolMax || peer.protocolMax < self.protocolMin) {
    return rejected(
      'VERSION_MISMATCH',
      `${peer.name} (hive ${peer.version}) speaks protocol ${range(peer)}, ` +
        `${self.name} (hive ${self.version}) speaks ${range(self)}`,
    )
  }
  if (self.busy && !known) {
    return { outcome: 'busy', reason: `${self.name} is in the middle of an init or a join` }
  }
  // An empty node on either side: it may ask to be admitted, or be invited; it is not infected by that.
  if (!self.allegiance || !peer.allegiance) return { outcome: 'welcome' }
  return sameCluster(self, self.allegiance, peer, peer.allegiance)
}

function sameCluster(self: Party, ours: Allegiance, peer: Party, theirs: Allegiance): FirstVerdict {
  if (ours.tag !== theirs.tag) {
    return rejected(
      'TAG_MISMATCH',
      `${self.name} belongs to «${ours.clusterName}» (tag ${ours.tag}), ` +
        `${peer.name} to «${theirs.clusterName}» (tag ${theirs.tag})`,
    )
  }
  return { outcome: 'welcome' }
}

function range(party: Party): string {
  return party.protocolMin === party.protocolMax
    ? `${party.protocolMin}`
    : `${party.protocolMin}–${party.protocolMax}`
}

function rejected(code: ErrorCode, reason: string): FirstVerdict {
  return { outcome: 'rejected', code, reason }
}
