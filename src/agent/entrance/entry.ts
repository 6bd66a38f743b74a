import { type Address, formatAddress, parseAddress } from '../../base/address.ts'
import type { ErrorCode } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { shuffled } from '../../base/random.ts'
import type { Clock, Instant, Timer } from '../../base/time.ts'
import type { Trace } from '../../base/trace.ts'
import { cureOf, isFinal } from '../../cluster/first-validation.ts'
import type { ClusterView } from '../../cluster/view.ts'
import type { Hello } from '../../net/handshake.ts'
import type { DialFailure, Links, RequestOutcome } from '../../net/link-types.ts'
import type { Authority } from '../control/authority.ts'
import { type Methods, refusal } from '../requests.ts'
import type { Self } from '../self.ts'
import { isHomeOf } from './homecoming.ts'

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

/** Seeds are tried at this pace, ms, while something is missing… */
const seedPace = { first: 500, most: 5_000 }
/** …and those that answered, or refused this node for good, are looked after so seldom. */
const seedCare = 30_000
/** Where an address names no port. */
const defaultPort = 4483
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

export interface Refusal {
  readonly code: ErrorCode
  readonly text: string
  readonly remedy: string
  /** Only somebody's deed can change it. */
  readonly final: boolean
  readonly at: Instant
}

interface Seed {
  /** As it was given, perhaps without a port. */
  readonly text: string
  /** The same in full: what dials and links call it. */
  readonly at: string
  next: Instant
  pause: number
  /** Who answered there last. */
  peer?: string
  /** Why the last dial came to nothing. */
  silence?: string
}

/** What an operator can mend of an address that does not answer. */
const silences: Partial<Record<DialFailure['why'], string>> = {
  unresolved: 'its name is nobody’s',
  refused: 'nobody listens there',
  timeout: 'nothing comes back from there',
}

/** So many addresses that do not answer are told. */
const maxSilentTold = 4

export class Entry {
  readonly #parts: EntryParts
  #seeds: Seed[]
  #timer: Timer | undefined
  #asking = false
  #askPause = askAgain.first
  #refused: Refusal | undefined
  #announced: { incarnation: number; ok: boolean } | undefined
  #announcing = false
  /** Raised when this node becomes another or an empty one: answers to what it asked before do not count. */
  #life = 0

  constructor(parts: EntryParts) {
    this.#parts = parts
    this.#seeds = this.#wanted()
  }

  start(): void {
    this.#next(0)
  }

  /** What an operator should know: why it is not in yet. */
  notices(): readonly string[] {
    const out: string[] = []
    const { left, returning } = this.#parts.self.facts
    if (this.#refused)
      out.push(
        this.#refused.remedy
          ? `${this.#refused.text}; ${this.#refused.remedy}`
          : this.#refused.text,
      )
    const { key } = this.#parts.self
    if (this.#refused?.code === 'AWAITS_APPROVAL' && key)
      out.push(`the key of this node, to compare with hive join-requests: ${key.slice(0, 16)}`)
    if (returning)
      out.push(
        `this node set aside what it knew of «${returning.name}», which has a newer epoch, and bootstraps anew`,
      )
    const silent = this.#silent()
    for (const { text, silence } of silent.slice(0, maxSilentTold))
      out.push(`${text} does not answer: ${silence}; this node goes on trying`)
    const { cluster } = this.#parts.self.facts
    const sought = this.#seeds.filter(seed => seed.peer !== this.#parts.self.id)
    if (cluster && silent.length > 0 && silent.length === sought.length)
      out.push(
        `nobody of «${cluster.name}» answers where this node last knew them: start them; if they moved: hive join, with the address of one`,
      )
    if (left) out.push('this node left its cluster; hive join ADDR brings it back')
    return out
  }

  /** Of a node without a cluster, or that has not found it yet: who was to be its way in. */
  #silent(): readonly Seed[] {
    const found = this.#parts.self.facts.cluster !== undefined && this.#parts.view() !== undefined
    return found ? [] : this.#seeds.filter(seed => seed.silence)
  }

  /** Why nobody at that address answers, as far as that is known. */
  silence(address: string): string | undefined {
    return this.#seedAt(inFull(address))?.silence
  }

  /** Why it was not let in the last time it asked. */
  get refusal(): Refusal | undefined {
    return this.#refused
  }

  /** Waiting for the control plane's word. */
  get validating(): boolean {
    return this.#asking
  }

  /** Whom it was told to look for, itself left out, and whether they answer. */
  get wanted(): readonly { readonly address: string; readonly answers: boolean }[] {
    const { self, links, seeds } = this.#parts
    const own = formatAddress(self.address)
    const told = new Set([...seeds, ...self.facts.joining].map(inFull))
    return this.#seeds
      .filter(({ at, peer }) => told.has(at) && at !== own && peer !== self.id)
      .map(({ text, peer }) => ({
        address: text,
        answers: peer !== undefined && links.isConnected(peer),
      }))
  }

  /** `hive join`: dial this one too, from now on and after a restart, until admitted. */
  join(address: string): void {
    const { self, clock } = this.#parts
    this.#refused = undefined
    self.update({ left: undefined, joining: [...new Set([...self.facts.joining, address])] })
    this.#seeds = this.#wanted()
    for (const seed of this.#seeds) seed.next = clock.now()
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
    if (this.#refused && doorCodes.has(this.#refused.code)) this.#refused = undefined
    for (const seed of this.#seeds) {
      if (seed.at === formatAddress(address) || seed.at === formatAddress(peer.address))
        seed.peer = peer.id
      if (seed.peer === peer.id) delete seed.silence
    }
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
    const seed = this.#seedAt(formatAddress(address))
    if (seed) {
      const silence = silences[failure.why]
      if (silence === undefined) delete seed.silence
      else seed.silence = silence
    }
    if (failure.why === 'duplicate') {
      if (seed) seed.peer = failure.by.id
      // An operator asks again while the link still stands.
      if (failure.by.allegiance && this.#isEmpty()) this.#ask(failure.by.id)
    }
    if (failure.why === 'foreign') this.#foreign(address)
    if (failure.why === 'untrusted' || failure.why === 'malformed') this.#untrusted(address)
    if (isCut(failure)) this.#cut(address)
    if (failure.why === 'busy') this.#busy(address, failure.reason)
    if (failure.why !== 'rejected') return
    if (failure.by?.id === this.#parts.self.id) {
      if (seed) seed.peer = this.#parts.self.id
      return
    }
    const { code, reason } = failure
    const final = isFinal(code)
    if (seed && final) seed.next = this.#parts.clock.now() + seedCare
    // A node that has its cluster is well without this one; the journal names it.
    if (this.#parts.self.facts.cluster) return
    this.#refused = {
      code,
      text: `${formatAddress(address)} refused this node: ${code}: ${reason}`,
      remedy: cureOf(code),
      final,
      at: this.#parts.clock.now(),
    }
  }

  /** It proved to be somebody else than the token names, and heard nothing of this node. */
  #foreign(address: Address): void {
    const { self, trace, clock } = this.#parts
    if (self.facts.cluster) return
    const text = `${formatAddress(address)} is of another cluster than the token of this node`
    if (this.#refused?.text !== text) trace.warn({ code: 'TOKEN_FOREIGN' }, text)
    const remedy = cureOf('TOKEN_FOREIGN')
    this.#refused = { code: 'TOKEN_FOREIGN', text, remedy, final: true, at: clock.now() }
  }

  /** Neither end says a word to somebody whom it does not believe; so this is all that there is to tell. */
  #untrusted(address: Address): void {
    const { self, incognito } = this.#parts
    if (self.facts.cluster || this.#refused?.code === 'TOKEN_FOREIGN') return
    const text = incognito?.()
      ? `${formatAddress(address)} lets nobody in by a token now: it is in no cluster that has certificates`
      : `${formatAddress(address)} and this node do not believe each other: they have another secret or are of another cluster, or one of them has none`
    this.#refused = {
      code: 'UNTRUSTED',
      text,
      remedy: cureOf('UNTRUSTED'),
      final: false,
      at: this.#parts.clock.now(),
    }
  }

  /**
   * It was there and hung up, which anything can be the reason of: it stops, or the network was cut. One that does not believe
   * what this node has shown has no other way to say so than this, too; but that is nothing this node could know.
   */
  #cut(address: Address): void {
    this.#held(
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
    this.#held('BUSY', text, 'this node asks another one, or again, by itself')
  }

  /** What passes by itself. What somebody has said for good is worth more. */
  #held(code: 'TIMEOUT' | 'BUSY', text: string, remedy: string): void {
    const { self, clock } = this.#parts
    if (self.facts.cluster) return
    if (this.#refused && this.#refused.code !== 'TIMEOUT' && this.#refused.code !== 'BUSY') return
    this.#refused = { code, text, remedy, final: false, at: clock.now() }
  }

  /** The node became another, or empty: look around anew. */
  restart(): void {
    this.#life += 1
    this.#asking = false
    this.#announcing = false
    this.#askPause = askAgain.first
    this.#refused = undefined
    this.#announced = undefined
    this.#seeds = this.#wanted()
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

  #wanted(): Seed[] {
    const { self, seeds, clock } = this.#parts
    if (self.facts.left) return []
    const { cluster, known, joining } = self.facts
    const contacts = [...(cluster?.control ?? []), ...known].map(c => formatAddress(c))
    const texts = new Map<string, string>()
    for (const text of [...seeds, ...joining, ...contacts]) {
      const at = inFull(text)
      if (!texts.has(at)) texts.set(at, text)
    }
    return [...texts].map(([at, text]) => ({
      ...{ text, at, next: clock.now(), pause: seedPace.first },
    }))
  }

  #seedAt(at: string): Seed | undefined {
    return this.#seeds.find(seed => seed.at === at)
  }

  #next(delay: number): void {
    this.#timer?.cancel()
    this.#timer = this.#parts.clock.after(delay, () => {
      this.#dial()
      this.#announce()
      this.#next(announcePace)
    })
  }

  #dial(): void {
    const { clock, links, random, self } = this.#parts
    const now = clock.now()
    for (const seed of shuffled(this.#seeds, random)) {
      if (seed.next > now) continue
      const answered =
        seed.peer === self.id || (seed.peer !== undefined && links.isConnected(seed.peer))
      const pause = answered ? seedCare : seed.pause
      seed.pause = answered ? seedPace.first : Math.min(seed.pause * 2, seedPace.most)
      seed.next = now + pause * (0.75 + random.next() / 2)
      if (answered) this.#askAgain(seed.peer!)
      const address = parseAddress(seed.at, defaultPort)
      if (!answered && !('message' in address)) links.dialSeed(address)
    }
  }

  /** A zombie whose cluster woke up while the link stood. */
  #askAgain(peer: string): void {
    const { self } = this.#parts
    if (!self.facts.cluster && !self.facts.group && this.#refused && peer !== self.id)
      this.#ask(peer)
  }

  #isEmpty(): boolean {
    const { cluster, group, left } = this.#parts.self.facts
    return !cluster && !group && !left
  }

  #ask(peer: string): void {
    const { self, links, trace, clock } = this.#parts
    if (this.#asking) return
    const { code, final, at } = this.#refused ?? { at: 0 }
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
        this.#refused = undefined
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
    this.#refusedBy(no)
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
    return this.#refused?.final ? undefined : this.#askPause
  }

  #refusedBy(outcome: RequestOutcome & { ok: false }): void {
    const text = `not admitted: ${outcome.code}: ${outcome.message}`
    if (this.#refused?.text !== text) this.#parts.trace.warn({ code: outcome.code }, text)
    this.#refused = {
      code: outcome.code,
      text,
      remedy: outcome.remedy ?? '',
      final: isFinal(outcome.code),
      at: this.#parts.clock.now(),
    }
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

/** With its port; what is no address stays what it is. */
function inFull(text: string): string {
  const address = parseAddress(text, defaultPort)
  return 'message' in address ? text : formatAddress(address)
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

/** Why no link came about: over once there is one. */
const doorCodes: ReadonlySet<ErrorCode> = new Set(['UNTRUSTED', 'TIMEOUT', 'BUSY'])

/** There was a connection, and it ended before anything came of it. */
function isCut({ why }: DialFailure): boolean {
  return why === 'closed' || why === 'reset' || why === 'handshake-timeout'
}
