import { hash, type Random } from '../base/random.ts'
import type { Instant } from '../base/time.ts'
import { limits } from './config.ts'
import { Rotation } from './rotation.ts'
import { Slice } from './slice.ts'
import type { Member, MemberId, MemberInfo, MemberStatus, SwimReady, Update } from './types.ts'

/** What this node keeps of another one. */
export interface Peer {
  readonly id: MemberId
  /** What it last said of itself. */
  info: MemberInfo
  /** The newest known; ahead of `info` where only an accusation told of it. */
  incarnation: number
  status: MemberStatus
  since: Instant
  accusers: readonly MemberId[]
  /** Verdicts up to this incarnation were taken back; late gossip of them is void. */
  pardoned: number
  /** Of its id, as a small integer. */
  readonly hash: number
  /** Where it stands on the rings; the slice's own note. */
  ranks: number
  /** It was asked whom it knows. */
  consulted: boolean
  /** It was told of this node by this node. */
  greeted: boolean
}

export type Change = SwimReady['changes'][number]

/** Everybody this node knows, and what changed in its opinion since that was last asked. */
export class MemberTable {
  readonly #peers = new Map<MemberId, Peer>()
  /** Alive and suspect: they are probed in turn. */
  readonly present = new Rotation<Peer>()
  /** The same, as gossip goes round: in a small cluster chance alone would often pass over somebody. */
  readonly audience = new Rotation<Peer>()
  /** Unreachable and failed: they are called now and then. */
  readonly absent = new Rotation<Peer>()
  /** Which of all the members are kept. */
  readonly slice: Slice
  /** How many have been met so far. */
  met = 0
  /** Somebody is not kept any more, so that whoever holds something of it lets go. */
  forgotten: (peer: Peer) => void = () => {}
  readonly #random: Random
  #changes: Change[] = []

  /** `slice`: how many to keep at most. */
  constructor(random: Random, self: MemberId, slice: number) {
    this.#random = random
    this.slice = new Slice(self, this, slice)
  }

  /** How many are thought to take part, this node included: the n of all formulas. */
  get clusterSize(): number {
    return this.present.size + 1
  }

  get(id: MemberId): Peer | undefined {
    return this.#peers.get(id)
  }

  all(): Iterable<Peer> {
    return this.#peers.values()
  }

  /** Undefined: there are too many already, or others are nearer. */
  add(info: MemberInfo, now: Instant): Peer | undefined {
    if (this.#peers.size >= limits.members || !this.slice.wants(info.id)) return undefined
    const peer: Peer = {
      id: info.id,
      info,
      incarnation: info.incarnation,
      status: 'alive',
      since: now,
      accusers: [],
      pardoned: -1,
      hash: hash(info.id) | 0,
      ranks: 0,
      consulted: false,
      greeted: false,
    }
    this.#peers.set(info.id, peer)
    this.slice.enter(peer)
    this.#place(peer)
    this.trim()
    if (!this.#peers.has(info.id)) return undefined
    this.met++
    this.#changes.push({ member: snapshot(peer), before: undefined })
    return peer
  }

  /** Changes the belief, with the accusers that go with it. */
  become(peer: Peer, status: MemberStatus, accusers: readonly MemberId[], now: Instant): void {
    // Not kept any more, while somebody still waited for its answer.
    if (this.#peers.get(peer.id) !== peer) return
    const before = peer.status
    if (status !== before) peer.since = now
    peer.status = status
    peer.accusers = accusers
    this.#place(peer)
    this.#changes.push({ member: snapshot(peer), before })
    this.trim()
  }

  /** Keeps `size` of them from now on. */
  resize(size: number): void {
    this.slice.resize(size)
    this.trim()
  }

  /** Forgets whom the slice does not hold. */
  trim(): void {
    for (const peer of this.slice.surplus()) {
      this.#drop(peer)
      this.forgotten(peer)
    }
  }

  remove(id: MemberId): void {
    const peer = this.#peers.get(id)
    if (peer === undefined) return
    this.#drop(peer)
    this.forgotten(peer)
    this.slice.noticed(true)
  }

  #drop(peer: Peer): void {
    this.present.remove(peer)
    this.audience.remove(peer)
    this.absent.remove(peer)
    this.slice.leave(peer)
    this.#peers.delete(peer.id)
  }

  takeChanges(): readonly Change[] {
    const changes = this.#changes
    this.#changes = []
    return changes
  }

  #place(peer: Peer): void {
    const present = peer.status === 'alive' || peer.status === 'suspect'
    const absent = peer.status === 'unreachable' || peer.status === 'failed'
    const moved =
      this.present.has(peer) !== present || (!present && this.absent.has(peer) !== absent)
    this.#set(this.present, peer, present)
    this.#set(this.audience, peer, present)
    this.#set(this.absent, peer, absent)
    if (moved) this.slice.noticed(!present)
  }

  #set(rotation: Rotation<Peer>, peer: Peer, belongs: boolean): void {
    if (belongs) rotation.add(peer, this.#random)
    else rotation.remove(peer)
  }
}

/** The belief as others may keep it. */
export function snapshot(peer: Peer): Member {
  return {
    ...peer.info,
    incarnation: peer.incarnation,
    status: peer.status,
    since: peer.since,
    accusers: peer.accusers,
  }
}

/** What others are told of `peer`: for doubt, that of its first accuser. */
export function opinionOf(peer: Peer): Update {
  const { id, incarnation, status, accusers } = peer
  if (status === 'failed' || status === 'left') return { kind: status, id, incarnation }
  const accuser = accusers[0]
  if (status === 'alive' || accuser === undefined) return { kind: 'alive', member: peer.info }
  return { kind: 'suspect', id, incarnation, accuser }
}

/** Whether `peer` is somebody whom the protocol may ask for help. */
export function isAlive(peer: Peer): boolean {
  return peer.status === 'alive'
}
