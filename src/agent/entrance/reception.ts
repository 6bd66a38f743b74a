import type { Address } from '../../base/address.ts'
import { cureOf } from '../../cluster/first-validation.ts'
import { dialable, type Hello, type Verdict } from '../../net/handshake.ts'
import type { DialFailure, LinkHandlers } from '../../net/link-types.ts'
import type { PeerIdentity } from '../../net/types.ts'
import type { Group } from '../control/group.ts'
import type { Levels } from '../levels.ts'
import type { Members } from '../membership/members.ts'
import { type Requests, refusal } from '../requests.ts'
import type { Self } from '../self.ts'
import type { Passports } from '../trust/passports.ts'
import type { TrustedLinks } from '../trust/trusted-links.ts'
import type { Departure } from './departure.ts'
import type { Entry } from './entry.ts'
import { type Gate, isHistory } from './gate.ts'
import type { Homecoming } from './homecoming.ts'
import type { Journal } from './journal.ts'

/** Where the links end: who comes is judged, and what members say is brought to the room that it is for. */
export interface ReceptionParts {
  readonly self: Self
  readonly gate: Gate
  readonly journal: Journal
  readonly passports: Passports
  readonly homecoming: Homecoming
  readonly entry: Entry
  readonly members: Members
  readonly group: Group
  readonly departure: Departure
  readonly requests: Requests
  readonly levels: Levels
  readonly trusted: TrustedLinks
  notice(from: string, kind: string, body: unknown): void
  /** Ends the link to that peer. */
  part(id: string): void
  failed(error: Error): void
}

const copied = 'DUPLICATE_NODE'

/** `parts` are asked for when something happens: links exist before the rooms behind them. */
export function reception(parts: () => ReceptionParts): LinkHandlers {
  return {
    listening: at => {
      const { self, members } = parts()
      self.boundTo(at)
      members.bind(at)
    },
    failed: error => parts().failed(error),
    hello: () => parts().gate.hello(),
    validate: (hello, from, identity, asked = false) =>
      objection(parts(), hello, from, identity) ??
      parts().passports.crowded(from.host, identity) ??
      parts().gate.validate(hello, from, identity, asked),
    copied: (hello, from, reason) => {
      const peer = { id: hello.id, name: hello.name, address: dialable(hello, from) }
      parts().journal.refused('by us', peer, copied, reason, cureOf(copied))
    },
    connected: (peer, address) => {
      const { journal, entry, levels, passports, part, departure, trusted, group } = parts()
      if (!passports.hasRoom(peer.id)) return part(peer.id)
      departure.welcomed(peer.id)
      levels.met(peer)
      trusted.met(peer.id)
      group.snapshots.met(peer.id)
      journal.met(peer.id, peer.address)
      entry.met(peer, address)
    },
    disconnected: (id, why) => {
      if (why === 'refused') gone(parts(), id)
    },
    dialFailed: (address, id, failure) => {
      if (id && failure.why === 'refused') gone(parts(), id)
      dialFailed(parts(), address, id, failure)
    },
    refused: failure => refused(parts(), failure),
    raft: (from, message, identity) => {
      const { passports, group } = parts()
      if (!passports.isMember(from, identity) && !passports.mayBeBack(from, identity)) return
      if (message.type !== 'snapshot' || group.snapshots.arrived(from, message.snapshot))
        group.plane?.step(message)
    },
    swim: (from, message, identity) => {
      const { passports, members } = parts()
      if (passports.isMember(from, identity)) members.received(from, message)
    },
    request: (from, method, body, blob, answer, identity, gone) => {
      const { passports, requests } = parts()
      const no = passports.refusal(from, identity, method)
      if (no) return answer(refusal(no.code, no.message))
      requests.handle(from, method, body, blob, answer, identity, gone)
    },
    notice: (from, kind, body, _blob, identity) => {
      if (parts().passports.isMember(from, identity)) parts().notice(from, kind, body)
    },
    foreign: (from, why) => parts().journal.foreign(from, why),
    isOut: id => parts().passports.isOut(id),
  }
}

/** Of those who are not who they say; without a word about it to the gate, for anybody can say anything. */
function objection(
  { passports, journal }: ReceptionParts,
  hello: Hello,
  from: Address,
  identity: PeerIdentity | undefined,
): Verdict | undefined {
  const no = passports.objection(hello, identity)
  if (no?.outcome !== 'rejected') return no
  const peer = { name: hello.name, id: hello.id, address: dialable(hello, from) }
  journal.refused('by us', peer, no.code, no.reason)
  return no
}

/** The port of a peer refuses: its process is gone. */
function gone({ members, group }: ReceptionParts, id: string): void {
  members.refuses(id)
  if (group.plane?.leader() === id) group.plane.suspectLeader()
}

function dialFailed(
  parts: ReceptionParts,
  address: Address,
  id: string | undefined,
  failure: DialFailure,
): void {
  const { self, journal, members } = parts
  const { by } = 'by' in failure ? failure : {}
  if (failure.why === 'rejected' && !failure.own && by?.id !== self.id) {
    const peer = { name: by?.name ?? '', id: by?.id ?? id ?? '', address: by?.address ?? address }
    journal.refused('us', peer, failure.code, failure.reason)
  }
  if (failure.why === 'untrusted') {
    const peer = { name: '', id: id ?? '', address }
    const why = 'the two ends do not believe each other: another secret, or another cluster'
    journal.refused('us', peer, 'UNTRUSTED', why)
  }
  if (failure.why === 'rejected' && failure.code === copied && !failure.own) members.doubled()
  refused(parts, failure)
  if (!id) parts.entry.dialFailed(address, failure)
}

/** By whom this node dialled, or who dialled it: it may be out, or of an epoch that is over. */
function refused({ passports, departure, homecoming }: ReceptionParts, failure: DialFailure): void {
  if (failure.why !== 'rejected') return
  const { by, code, identity } = failure
  departure.heardRemoved(failure)
  // Whoever answers where a node of ours was can say anything.
  if (!by || !passports.isMember(by.id, identity)) return
  if (isHistory(code) || code === 'REMOVED') homecoming.refusedBy(by)
}
