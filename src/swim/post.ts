import type { Address } from '../base/address.ts'
import { type MemberTable, opinionOf, type Peer } from './members.ts'
import type { Channel, MemberId, Outgoing, SwimConfig, SwimMessage, Update } from './types.ts'
import { isAmong, retransmitLimit, type UpdateQueue } from './update-queue.ts'
import { bareMessageBytes, headerBytes, updateBytes } from './update-size.ts'
import type { VerdictMemory } from './verdicts.ts'

/** Where a message goes. */
export interface Recipient {
  readonly id: MemberId
  readonly address: Address
  readonly via: Channel
}

/** Outgoing messages; each that has room takes news along (SWIM §4.1). */
export class Post {
  readonly #config: SwimConfig
  readonly #table: MemberTable
  readonly #news: UpdateQueue<Peer>
  readonly #verdicts: VerdictMemory
  #seq = 0
  #out: Outgoing[] = []

  constructor(
    config: SwimConfig,
    table: MemberTable,
    news: UpdateQueue<Peer>,
    verdicts: VerdictMemory,
  ) {
    this.#config = config
    this.#table = table
    this.#news = news
    this.#verdicts = verdicts
  }

  nextSeq(): number {
    this.#seq = (this.#seq + 1) >>> 0
    return this.#seq
  }

  /**
   * Sends `message` with what is thought of the recipient, then `first`, then news; of each what fits.
   */
  send(to: Recipient, message: SwimMessage, first: readonly Update[] = []): void {
    const updates: Update[] = []
    let room = this.#config.packetBytes - headerBytes - bareMessageBytes(message)
    for (const update of [...this.#opinionOf(to.id), ...first]) {
      const bytes = updateBytes(update)
      if (bytes > room) break
      if (isAmong(updates, update)) continue
      room -= bytes
      updates.push(update)
    }
    updates.push(...this.#fill(room, to.id, updates))
    this.#push(to, { ...message, updates })
  }

  /** Sends news alone; false: there was none. */
  sendNews(to: Recipient): boolean {
    const bare: SwimMessage = { type: 'gossip', updates: [] }
    const room = this.#config.packetBytes - headerBytes - bareMessageBytes(bare)
    const updates = this.#fill(room, to.id, [])
    if (updates.length === 0) return false
    this.#push(to, { type: 'gossip', updates })
    return true
  }

  /** Nobody whom this node keeps needs the news that is left. */
  ageNews(): void {
    this.#news.age(this.#transmissions())
  }

  /** Sends `message` as it is. */
  sendBare(to: Recipient, message: SwimMessage): void {
    this.#push(to, message)
  }

  take(): readonly Outgoing[] {
    const out = this.#out
    this.#out = []
    return out
  }

  #push(to: Recipient, message: SwimMessage): void {
    this.#out.push({ to: to.id, address: to.address, via: to.via, message })
  }

  /**
   * Lifeguard §IV-C, buddy system: whoever is doubted hears so first, and can refute at once. So does
   * somebody never met of whom a verdict is remembered.
   */
  #opinionOf(id: MemberId): Update[] {
    const peer = this.#table.get(id)
    if (peer) return peer.status === 'alive' ? [] : [opinionOf(peer)]
    const sentence = this.#verdicts.get(id)
    return sentence ? [{ kind: sentence.verdict, id, incarnation: sentence.incarnation }] : []
  }

  #fill(room: number, id: MemberId, told: readonly Update[]): Update[] {
    const { slice } = this.#table
    const peer = this.#table.get(id)
    const hears = peer?.status === 'alive'
    if (!slice.partial) return this.#news.fill(room, this.#transmissions(), { id, hears, told })
    if (this.#news.size === 0) return []
    const concerned = (subject: MemberId, about: Peer | undefined) =>
      peer !== undefined && slice.concerns(subject, about, peer)
    return this.#news.fill(room, this.#transmissions(), { id, hears, told, concerned })
  }

  #transmissions(): number {
    return retransmitLimit(this.#config.retransmitMultiplier, this.#table.clusterSize)
  }
}

export function recipient(peer: Peer, via: Channel): Recipient {
  return { id: peer.id, address: peer.info.address, via }
}
