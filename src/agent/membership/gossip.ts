import type { Address } from '../../base/address.ts'
import type { Random } from '../../base/random.ts'
import type { Clock, Timer } from '../../base/time.ts'
import { Swim, swimDefaults } from '../../swim/swim.ts'
import type {
  Member,
  MemberInfo,
  Outgoing,
  SwimConfig,
  SwimInput,
  SwimMessage,
  SwimReady,
} from '../../swim/types.ts'

/** Turns SWIM's crank: datagrams and streams in, datagrams and streams out, and who is believed to live. */
export interface GossipParts {
  readonly clock: Clock
  readonly random: Random
  readonly self: MemberInfo
  readonly config?: Partial<SwimConfig>
  sendDatagram(to: Address, message: SwimMessage): void
  sendStream(to: string, address: Address, message: SwimMessage): void
  changed(changes: SwimReady['changes']): void
  /** Keep durable before anybody hears of it. */
  incarnated(incarnation: number): void
}

/** A crank later than this has missed acks that wait in the socket; below it is the normal noise of a loop. */
const lagWorthTelling = 50

export class Gossip {
  readonly #parts: GossipParts
  readonly #swim: Swim
  #scheduled = false
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #stopped = false

  constructor(parts: GossipParts) {
    this.#parts = parts
    this.#swim = new Swim(
      { ...swimDefaults, ...parts.config },
      parts.self,
      parts.random,
      parts.clock.now(),
    )
    this.#schedule()
  }

  step(input: SwimInput): void {
    if (this.#stopped) return
    this.#swim.step(input, this.#parts.clock.now())
    this.#schedule()
  }

  receive(
    from: string,
    fromAddress: Address,
    via: 'datagram' | 'stream',
    message: SwimMessage,
  ): void {
    this.step({ type: 'message', from, fromAddress, via, message })
  }

  members(): readonly Member[] {
    return this.#swim.members()
  }

  member(id: string): Member | undefined {
    return this.#swim.member(id)
  }

  /** There are more members than this node keeps: of others it knows what the control plane says. */
  get partial(): boolean {
    return this.#swim.partial
  }

  self(): MemberInfo {
    return this.#swim.self
  }

  /** Local health score; 0 is well. */
  health(): number {
    return this.#swim.health()
  }

  /** Does this node believe that the other one answers? */
  reaches(id: string): boolean {
    if (id === this.#swim.self.id) return true
    const status = this.#swim.member(id)?.status
    return status === 'alive' || status === 'suspect'
  }

  /** The same, of a node that the control plane has not found to have failed: of strangers this node knows no worse. */
  counts({ id, phase }: { readonly id: string; readonly phase: string }): boolean {
    if (this.reaches(id)) return true
    return this.partial && phase !== 'failed' && this.#swim.member(id) === undefined
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return
    this.#scheduled = true
    this.#parts.clock.soon(() => this.#crank())
  }

  #crank(): void {
    this.#scheduled = false
    if (this.#stopped) return
    const now = this.#parts.clock.now()
    this.#swim.tick(now)
    for (let ready = this.#swim.ready(); ready; ready = this.#swim.ready()) {
      if (ready.incarnation !== undefined) this.#parts.incarnated(ready.incarnation)
      for (const outgoing of ready.send) this.#send(outgoing)
      if (ready.changes.length > 0) this.#parts.changed(ready.changes)
    }
    this.#arm()
  }

  #send({ to, address, via, message }: Outgoing): void {
    if (via === 'datagram') this.#parts.sendDatagram(address, message)
    else this.#parts.sendStream(to, address, message)
  }

  #arm(): void {
    const at = this.#swim.wakeAt()
    if (this.#stopped || at === undefined) return
    if (this.#timer && this.#timerAt <= at) return
    this.#timer?.cancel()
    this.#timerAt = at
    this.#timer = this.#parts.clock.after(Math.max(0, at - this.#parts.clock.now()), () => {
      this.#timer = undefined
      const late = this.#parts.clock.now() - this.#timerAt
      if (late > lagWorthTelling)
        this.#swim.step({ type: 'lag', by: late }, this.#parts.clock.now())
      this.#schedule()
    })
  }
}
