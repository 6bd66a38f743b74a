import { assert } from '../base/errors.ts'
import type { Peer } from './members.ts'
import type { MemberInfo } from './types.ts'
import type { UpdateQueue } from './update-queue.ts'
import { isTransmissible } from './update-size.ts'

/** What this node says of itself. Nobody else raises its incarnation. */
export class Self {
  readonly #news: UpdateQueue<Peer>
  #info: MemberInfo
  #raised = false

  constructor(info: MemberInfo, news: UpdateQueue<Peer>) {
    assert(isTransmissible(info), 'this node describes itself beyond the limits of a message')
    this.#info = info
    this.#news = news
    this.announce()
  }

  get info(): MemberInfo {
    return this.#info
  }

  get id(): string {
    return this.#info.id
  }

  announce(): void {
    this.#news.put({ kind: 'alive', member: this.#info })
  }

  /** Says something new, under an incarnation above its own and above `heard`. */
  restate(heard: number, change: Partial<MemberInfo> = {}): void {
    const incarnation = Math.max(this.#info.incarnation, heard) + 1
    const info = { ...this.#info, ...change, incarnation }
    assert(isTransmissible(info), 'this node describes itself beyond the limits of a message')
    this.#info = info
    this.#raised = true
    this.announce()
  }

  /** The incarnation, if it rose since this was last asked. */
  takeRaised(): number | undefined {
    if (!this.#raised) return undefined
    this.#raised = false
    return this.#info.incarnation
  }
}
