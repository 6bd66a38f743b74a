import type { Address } from '../../base/address.ts'
import type { ErrorCode } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import type { Clock, Timer } from '../../base/time.ts'
import type { Trace } from '../../base/trace.ts'
import type { ClusterView } from '../../cluster/view.ts'
import type { Hello } from '../../net/handshake.ts'
import type { DialFailure, Links, RequestOutcome } from '../../net/link-types.ts'
import type { Authority } from '../control/authority.ts'
import { type Methods, refusal } from '../requests.ts'
import type { Self } from '../self.ts'
import { isHomeOf } from './homecoming.ts'
import { LastRefusal, type Refusal } from './last-refusal.ts'
import { Seeds } from './seeds.ts'

/**
 * How this node gets in, and back in: it tries every seed for ever, asks to be admitted when it meets an
 * initialised cluster, and announces itself after each boot until the control plane has it as ready.
 */
export interface EntryParts {
  readonly self: Self
  readonly clock: Clock
  readonly random: Random
  readonly trace: Trace
  readonly links: Links
  readonly authority: Authority
  readonly seeds: readonly string[]
  /** What this node knows of its cluster now. */
  view(): ClusterView | undefined
  /** What goes with the wish to join: proof of the node's key, and a token. */
  proof?(): Record<string, unknown>
  /** This node has nothing but a token, which proves others to it. */
  incognito?(): boolean
  /** This node has nothing to prove itself by. */
  bare?(): boolean
  /** The disk has what this node is to be let in as; asks it again if it refused. */
  keeps?(): boolean
  /** Somebody passed the first validation and gossips with us from now on. */
  introduce(peer: Hello, address: Address): void
  /** The control plane has us: take the digest. False: the disk refuses to keep what came with it. */
  admitted(view: ClusterView): boolean
  /** The control plane has us no longer. */
  expelled(): void
}

const announcePace = 300
const askPatience = 10_000
/** A refusal that may pass is asked about again after so long. */
const askAgain = { first: 500, most: 10_000 }

/** Whether an operator has said a word is asked so often, ms. */
const askWhileWaiting = 2_000
/** And whether one changed its mind, so often, ms. */
const askAfterNo = 5_000
/** Whether somebody has done something about a final refusal is asked so seldom, ms. */
const askAfterFinal = 30_000

export class Entry {
  readonly #parts: EntryParts
  readonly #seeds: Seeds
  readonly #refused: LastRefusal
  #timer: Timer | undefined
  #asking = false
  #askPause = askAgain.first
  #announced: { incarnation: number; ok: boolean } | undefined
  #announcing = false
  /** Raised when this node becomes another or an empty one: answers to what it asked before do not count. */
  #life = 0

  constructor(parts: EntryParts) {
    this.#parts = parts
    this.#seeds = new Seeds(parts)
    this.#refused = new LastRefusal(parts)
  }

  start(): void {
    this.#next(0)
  }

  /** What an operator should know: why it is not in yet. */
  notices(): readonly string[] {
    const { left, returning, cluster } = this.#parts.self.facts
    const isFound = cluster !== undefined && this.#parts.view() !== undefined
    const aside =
      returning &&
      `this node set aside what it knew of «${returning.name}», which has a newer epoch, and bootstraps anew`
    return [
      ...this.#refused.notices(),
      ...(aside ? [aside] : []),
      ...(isFound ? [] : this.#seeds.notices()),
      ...(left ? ['this node left its cluster; hive join ADDR brings it back'] : []),
    ]
  }

  /** Who was found at that address. */
  peerAt(address: string): string | undefined {
    return this.#seeds.peerAt(address)
  }

  /** Why nobody at that address answers, as far as that is known. */
  silence(address: string): string | undefined {
    return this.#seeds.silence(address)
  }

  /** Why it was not let in the last time it asked. */
  get refusal(): Refusal | undefined {
    return this.#refused.now
  }

  /** Waiting for the control plane's word. */
  get validating(): boolean {
    return this.#asking
  }

  /** Whom it was told to look for, itself left out, and whether they answer. */
  get wanted(): Seeds['wanted'] {
    return this.#seeds.wanted
  }

  /** `hive join`: dial this one too, from now on and after a restart, until admitted. */
  join(address: string): void {
    const { self } = this.#parts
    this.#refused.clear()
    self.update({ left: undefined, joining: [...new Set([...self.facts.joining, address])] })
    this.#seeds.renew()
    this.#next(0)
    this.#meetAnew()
  }

  /** Links that came up while this node wanted nobody: no dial makes a second one. */
  #meetAnew(): void {
    const { links } = this.#parts
    for (const id of links.connectedPeers()) {
      const hello = links.hello(id)
      if (hello) this.met(hello, hello.address)
    }
  }

  /** A link to somebody is up: what are we to each other? */
  met(peer: Hello, address: Address): void {
    const { self } = this.#parts
    this.#refused.met()
    this.#seeds.met(peer.id, address, peer.address)
    const ours = self.facts.cluster
    const { left, returning } = self.facts
    if (left) return
    // Whoever comes home looks for that history alone: its old one may still be about.
    if (returning && !isHomeOf(returning, peer)) return
    if (!ours && !peer.allegiance) return this.#parts.introduce(peer, address)
    if (ours && peer.allegiance?.tag === ours.tag) return this.#parts.introduce(peer, address)
    if (!ours && !self.facts.group && peer.allegiance) this.#ask(peer.id)
  }

  dialFailed(address: Address, failure: DialFailure): void {
    this.#seeds.dialFailed(address, failure)
    this.#refused.byDial(address, failure)
    // An operator asks again while the link still stands.
    if (failure.why === 'duplicate' && failure.by.allegiance && this.#isEmpty())
      this.#ask(failure.by.id)
  }

  /** The node became another, or empty: look around anew. */
  restart(): void {
    this.#life += 1
    this.#asking = false
    this.#announcing = false
    this.#askPause = askAgain.first
    this.#refused.clear()
    this.#announced = undefined
    this.#seeds.renew()
    this.#next(0)
  }

  methods(): Methods {
    return {
      /** The leader saw us in the physical topology. */
      invite: ({ from, answer }) => {
        answer({ ok: true, body: {} })
        if (this.#isEmpty()) this.#ask(from)
      },
    }
  }

  #next(delay: number): void {
    this.#timer?.cancel()
    this.#timer = this.#parts.clock.after(delay, () => {
      this.#seeds.dial(peer => this.#askAgain(peer))
      this.#announce()
      this.#next(announcePace)
    })
  }

  /** A zombie whose cluster woke up while the link stood. */
  #askAgain(peer: string): void {
    const { self } = this.#parts
    if (!self.facts.cluster && !self.facts.group && this.#refused.now && peer !== self.id)
      this.#ask(peer)
  }

  #isEmpty(): boolean {
    const { cluster, group, left } = this.#parts.self.facts
    return !cluster && !group && !left
  }

  #ask(peer: string): void {
    const { self, links, trace, clock } = this.#parts
    if (this.#asking) return
    const { code, final, at } = this.#refused.now ?? { at: 0 }
    const pause = code === 'JOIN_REFUSED' ? askAfterNo : askAfterFinal
    if (final && clock.now() < at + pause) return
    const life = this.#life
    if (this.#parts.keeps?.() === false) return this.#notIn(peer, life, unkept)
    this.#asking = true
    const { returning } = self.facts
    const wish = {
      node: self.describe(),
      ...(returning && { returning: true }),
      ...this.#parts.proof?.(),
    }
    links.request(peer, 'join-ask', wish, askPatience + 1_000, outcome => {
      if (life !== this.#life) return
      this.#asking = false
      if (self.facts.cluster || self.facts.group) return
      if (outcome.ok && this.#parts.admitted(outcome.body as ClusterView)) {
        this.#refused.clear()
        this.#askPause = askAgain.first
        trace.info({}, 'admitted by the control plane')
        this.#announced = undefined
        return this.#next(0)
      }
      const no = outcome.ok ? notKept : outcome
      if (self.facts.returning && no.code === 'UNKNOWN_NODE') return this.#parts.expelled()
      this.#notIn(peer, life, no)
    })
  }

  /** Asks again, if that may help. */
  #notIn(peer: string, life: number, no: RequestOutcome & { ok: false }): void {
    const { self, links, clock } = this.#parts
    this.#refused.byAnswer(no)
    const pause = this.#pauseAfter(no.code)
    if (pause === undefined) return
    clock.after(pause, () => {
      if (life !== this.#life) return
      if (!self.facts.cluster && !self.facts.group && links.isConnected(peer)) this.#ask(peer)
    })
    this.#askPause = Math.min(this.#askPause * 2, askAgain.most)
  }

  /** Undefined: only the next round of seeds asks again. */
  #pauseAfter(code: ErrorCode): number | undefined {
    if (code === 'AWAITS_APPROVAL') return askWhileWaiting
    if (code === 'JOIN_REFUSED') return askAfterNo
    return this.#refused.now?.final ? undefined : this.#askPause
  }

  /** Ready again after a boot, an absence or a wrong verdict; the control plane learns our address and version. */
  #announce(): void {
    const { self, authority } = this.#parts
    const view = this.#parts.view()
    if (!self.facts.cluster || !view || this.#announcing || !this.#worthAnnouncing(view)) return
    this.#announcing = true
    const life = this.#life
    authority.ask(
      'announce',
      { node: self.describe(), booted: self.booted },
      askPatience,
      outcome => {
        if (life !== this.#life) return
        this.#announcing = false
        if (outcome.ok) this.#announced = { incarnation: self.facts.incarnation, ok: true }
        else if (outcome.code === 'UNKNOWN_NODE') this.#parts.expelled()
      },
    )
  }

  #worthAnnouncing(view: ClusterView): boolean {
    const { self } = this.#parts
    if (!this.#announced || !view.self) return true
    const { phase, address } = view.self
    if (phase === 'recovering' || phase === 'failed' || phase === 'leaving') return true
    return address.host !== self.address.host || address.port !== self.address.port
  }
}

const unkept = refusal(
  'STORAGE',
  'the disk of this node refuses to keep what it proves itself by',
  'free the disk; it asks by itself',
)
const notKept = refusal(
  'STORAGE',
  'this node was let in, and its disk refuses to keep the certificate that it was given',
  'free the disk; it asks again by itself',
)
