import { type Address, formatAddress } from '../../base/address.ts'
import type { ErrorCode } from '../../base/errors.ts'
import type { Clock, Instant } from '../../base/time.ts'
import type { Trace } from '../../base/trace.ts'
import { cureOf, isFinal } from '../../cluster/first-validation.ts'
import type { DialFailure, RequestOutcome } from '../../net/link-types.ts'
import type { Self } from '../self.ts'

/** Why this node is not in: what the last one said, or did, whom it asked or dialled. */
export interface LastRefusalParts {
  readonly self: Self
  readonly clock: Clock
  readonly trace: Trace
  /** This node has nothing but a token, which proves others to it. */
  incognito?(): boolean
  /** This node has nothing to prove itself by. */
  bare?(): boolean
}

export interface Refusal {
  readonly code: ErrorCode
  readonly text: string
  readonly remedy: string
  /** Only somebody's deed can change it. */
  readonly final: boolean
  readonly at: Instant
}

/** Why no link came about: over once there is one. */
const doorCodes: ReadonlySet<ErrorCode> = new Set(['UNTRUSTED', 'TIMEOUT', 'BUSY'])

export class LastRefusal {
  readonly #parts: LastRefusalParts
  #refusal: Refusal | undefined

  constructor(parts: LastRefusalParts) {
    this.#parts = parts
  }

  get now(): Refusal | undefined {
    return this.#refusal
  }

  /** It is in, or looks around anew. */
  clear(): void {
    this.#refusal = undefined
  }

  /** Somebody is linked. */
  met(): void {
    if (this.#refusal && doorCodes.has(this.#refusal.code)) this.clear()
  }

  /** The control plane, or who was to ask it, said no. */
  byAnswer({ code, message, remedy = '' }: RequestOutcome & { ok: false }): void {
    const text = `not admitted: ${code}: ${message}`
    this.#warnOnce(code, text)
    this.#set({ code, text, remedy, final: isFinal(code) })
  }

  /** Nothing, for a node that has its cluster: it is well without this one, and the journal names it. */
  byDial(address: Address, failure: DialFailure): void {
    const { self } = this.#parts
    if (self.facts.cluster) return
    if (failure.why === 'foreign') this.#foreign(address)
    if (failure.why === 'untrusted' || failure.why === 'malformed') this.#untrusted(address)
    if (isCut(failure)) this.#cut(address)
    if (failure.why === 'busy') this.#busy(address, failure.reason)
    if (failure.why !== 'rejected' || failure.by?.id === self.id) return
    const { code, reason } = failure
    const text = `${formatAddress(address)} refused this node: ${code}: ${reason}`
    this.#set({ code, text, remedy: cureOf(code), final: isFinal(code) })
  }

  notices(): readonly string[] {
    if (!this.#refusal) return []
    const { code, text, remedy } = this.#refusal
    const { key } = this.#parts.self
    const out = [remedy ? `${text}; ${remedy}` : text]
    if (code === 'AWAITS_APPROVAL' && key)
      out.push(`the key of this node, to compare with hive join-requests: ${key.slice(0, 16)}`)
    return out
  }

  /** It proved to be somebody else than the token names, and heard nothing of this node. */
  #foreign(address: Address): void {
    const text = `${formatAddress(address)} is of another cluster than the token of this node`
    this.#warnOnce('TOKEN_FOREIGN', text)
    this.#set({ code: 'TOKEN_FOREIGN', text, remedy: cureOf('TOKEN_FOREIGN'), final: true })
  }

  /** Neither end says a word to somebody whom it does not believe; so this is all that there is to tell. */
  #untrusted(address: Address): void {
    if (this.#refusal?.code === 'TOKEN_FOREIGN') return
    const text = this.#parts.incognito?.()
      ? `${formatAddress(address)} lets nobody in by a token now: it is in no cluster that has certificates`
      : `${formatAddress(address)} and this node do not believe each other: they have another secret or are of another cluster, or one of them has none`
    const { returning } = this.#parts.self.facts
    // It goes on showing what it was given as a member: nobody can say any more that it was removed, and a token is not asked for.
    const remedy = returning
      ? `it goes on trying; if it was removed from «${returning.name}» while it was away, nobody can tell it: hive reset, then hive join with a token`
      : cureOf('UNTRUSTED')
    this.#set({ code: 'UNTRUSTED', text, remedy, final: false })
  }

  /**
   * It was there and hung up, which anything can be the reason of: it stops, or the network was cut. One that does not believe
   * what this node has shown has no other way to say so than this, too; but that is nothing this node could know.
   */
  #cut(address: Address): void {
    this.#passing(
      'TIMEOUT',
      `${formatAddress(address)} broke the connection off before either end was known`,
      this.#parts.bare?.()
        ? 'this node goes on trying; if it stays so, that end wants proof of who comes: give this node the secret of the cluster (--secret-file), or a token of it'
        : 'this node goes on trying; if it stays so, that end may not believe it: its hive status says whom it refuses',
    )
  }

  /** Somebody else may have time for us: the next round asks another, in random order. */
  #busy(address: Address, reason: string): void {
    const text = `${formatAddress(address)} has no time for this node: BUSY: ${reason}`
    this.#passing('BUSY', text, 'this node asks another one, or again, by itself')
  }

  /** What somebody has said for good is worth more. */
  #passing(code: 'TIMEOUT' | 'BUSY', text: string, remedy: string): void {
    const before = this.#refusal?.code
    if (before && before !== 'TIMEOUT' && before !== 'BUSY') return
    this.#set({ code, text, remedy, final: false })
  }

  #warnOnce(code: ErrorCode, text: string): void {
    if (this.#refusal?.text !== text) this.#parts.trace.warn({ code }, text)
  }

  #set(refusal: Omit<Refusal, 'at'>): void {
    this.#refusal = { ...refusal, at: this.#parts.clock.now() }
  }
}

/** There was a connection, and it ended before anything came of it. */
function isCut({ why }: DialFailure): boolean {
  return why === 'closed' || why === 'reset' || why === 'handshake-timeout'
}
