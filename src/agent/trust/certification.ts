import { MalformedError } from '../../base/bytes.ts'
import { OperatorError } from '../../base/errors.ts'
import { fields, text, texts } from '../../base/shape.ts'
import type { Clock, Millis, Timer } from '../../base/time.ts'
import type { Trace } from '../../base/trace.ts'
import type { ClusterView } from '../../cluster/view.ts'
import type { Authority } from '../control/authority.ts'
import type { Self } from '../self.ts'
import type { Security } from './security.ts'

export interface CertificationParts {
  readonly self: Self
  readonly clock: Clock
  readonly trace: Trace
  readonly authority: Authority
  readonly security: Security
  /** The disk has what this node goes by; asks it again if it refused. */
  keeps(): boolean
  view(): ClusterView | undefined
}

const patience = 10_000
/** Between requests that were refused or lost, ms. */
const pause = { first: 300, most: 15_000 }
/** A leader whose clock is wrong is asked again so seldom, ms: each answer is an event. */
const wrongTime = 300_000

/** How a node comes by its certificate, and by the next one: it asks the leader when it has none, or is told to. */
export class Certification {
  readonly #parts: CertificationParts
  #asking = false
  #told = false
  #pause = pause.first
  #timer: Timer | undefined

  constructor(parts: CertificationParts) {
    this.#parts = parts
  }

  /** What the cluster believes may have changed. */
  look(): void {
    const { security, self } = this.#parts
    const trust = this.#parts.view()?.trust
    const { cluster } = self.facts
    if (!trust || !cluster || trust.authorities.length === 0) return
    this.#told ||= security.member?.tag !== cluster.tag
    if (!this.#told) security.believe(trust.authorities)
    if (this.#told) this.#ask()
  }

  /** The leader says that the certificate is due. */
  renew(): void {
    this.#told = true
    this.look()
  }

  /** A certificate that came with something else. */
  take(body: unknown, tag: string): void {
    const from = fields(body, 'certified')
    const certificate = text(from, 'certificate', 8192)
    const authorities = texts(from, 'authorities', 16)
    this.#parts.security.adopt({ tag, certificate, authorities })
    this.#told = false
    this.#pause = pause.first
  }

  #ask(): void {
    if (this.#asking || this.#timer) return
    const { self, security, authority, trace } = this.#parts
    // Each one that is issued is an event: none for a disk that would not keep it.
    if (!this.#parts.keeps()) return this.#later('the disk refuses to keep one')
    const tag = self.facts.cluster!.tag
    this.#asking = true
    authority.ask('certificate', { request: security.request(self.id) }, patience, outcome => {
      this.#asking = false
      if (self.facts.cluster?.tag !== tag) return
      if (!outcome.ok) return this.#later(outcome.message)
      try {
        if (this.#isOfAnotherTime(outcome.body, tag)) return this.#keep()
        this.take(outcome.body, tag)
        trace.info({}, 'this node has a certificate of the cluster')
      } catch (error) {
        if (!(error instanceof MalformedError) && !(error instanceof OperatorError)) throw error
        this.#later(error.message)
      }
    })
  }

  /** By this node's clock it does not count, and the one that it has does: taken, it would cut this node off. */
  #isOfAnotherTime(body: unknown, tag: string): boolean {
    const { security, clock } = this.#parts
    const { member } = security
    if (member?.tag !== tag) return false
    const wall = clock.wall()
    const counts = (certificate: string) => {
      const { notBefore, notAfter } = security.notary.inspect(certificate)
      return notBefore <= wall && wall < notAfter
    }
    return counts(member.certificate) && !counts(text(fields(body), 'certificate', 8192))
  }

  #keep(): void {
    this.#parts.trace.warn(
      {},
      'the leader gave a certificate that does not count now by the clock of this node: one of the two clocks is wrong; the certificate before is kept',
    )
    this.#askIn(wrongTime)
  }

  #later(why: string): void {
    this.#parts.trace.debug({ why }, 'no certificate yet')
    this.#askIn(this.#pause)
    this.#pause = Math.min(this.#pause * 2, pause.most)
  }

  #askIn(delay: Millis): void {
    this.#timer = this.#parts.clock.after(delay, () => {
      this.#timer = undefined
      this.look()
    })
  }
}
