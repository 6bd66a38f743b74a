import { type Address, formatAddress, parseAddress } from '../../base/address.ts'
import { type Random, shuffled } from '../../base/random.ts'
import type { Clock, Instant } from '../../base/time.ts'
import { isFinal } from '../../cluster/first-validation.ts'
import type { DialFailure, Links } from '../../net/link-types.ts'
import { defaultPorts } from '../process/options.ts'
import type { Self } from '../self.ts'

/** Where this node looks for others: every address that it was told, or remembers, is tried for ever. */
export interface SeedsParts {
  readonly self: Self
  readonly clock: Clock
  readonly random: Random
  readonly links: Links
  /** What the node was started with. */
  readonly seeds: readonly string[]
}

/** Seeds are tried at this pace, ms, while something is missing… */
const pace = { first: 500, most: 5_000 }
/** …and those that answered, or refused this node for good, are looked after so seldom. */
const care = 30_000
/** So many addresses that do not answer are told. */
const maxSilentTold = 4

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

export class Seeds {
  readonly #parts: SeedsParts
  #seeds: Seed[] = []

  constructor(parts: SeedsParts) {
    this.#parts = parts
    this.renew()
  }

  /** Looks everywhere anew, at once: what this node knows is another. */
  renew(): void {
    const { self, seeds, clock } = this.#parts
    const { left, cluster, known, joining } = self.facts
    const contacts = [...(cluster?.control ?? []), ...known].map(c => formatAddress(c))
    const texts = new Map<string, string>()
    for (const text of left ? [] : [...seeds, ...joining, ...contacts]) {
      const at = inFull(text)
      if (!texts.has(at)) texts.set(at, text)
    }
    this.#seeds = [...texts].map(([at, text]) => ({
      ...{ text, at, next: clock.now(), pause: pace.first },
    }))
  }

  /** Those whose time has come. `answered` hears of each that needs no dial, for it is linked. */
  dial(answered: (peer: string) => void): void {
    const { clock, links, random, self } = this.#parts
    const now = clock.now()
    for (const seed of shuffled(this.#seeds, random)) {
      if (seed.next > now) continue
      const answers =
        seed.peer === self.id || (seed.peer !== undefined && links.isConnected(seed.peer))
      const pause = answers ? care : seed.pause
      seed.pause = answers ? pace.first : Math.min(seed.pause * 2, pace.most)
      seed.next = now + pause * (0.75 + random.next() / 2)
      if (answers) answered(seed.peer!)
      const address = parseAddress(seed.at, defaultPorts.peers)
      if (!answers && !('message' in address)) links.dialSeed(address)
    }
  }

  /** Somebody is linked who was called by the one address, and says that it is at the other. */
  met(id: string, called: Address, says: Address): void {
    for (const seed of this.#seeds) {
      if (seed.at === formatAddress(called) || seed.at === formatAddress(says)) seed.peer = id
      if (seed.peer === id) delete seed.silence
    }
  }

  dialFailed(address: Address, failure: DialFailure): void {
    const seed = this.#at(formatAddress(address))
    if (!seed) return
    const silence = silences[failure.why]
    if (silence === undefined) delete seed.silence
    else seed.silence = silence
    if (failure.why === 'duplicate') seed.peer = failure.by.id
    if (failure.why !== 'rejected') return
    const { self, clock } = this.#parts
    if (failure.by?.id === self.id) seed.peer = self.id
    else if (isFinal(failure.code)) seed.next = clock.now() + care
  }

  /** Who was found at that address. */
  peerAt(address: string): string | undefined {
    return this.#at(inFull(address))?.peer
  }

  /** Why nobody at that address answers, as far as that is known. */
  silence(address: string): string | undefined {
    return this.#at(inFull(address))?.silence
  }

  /** Whom this node was told to look for, itself left out, and whether they answer. */
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

  /** Of a node that has not found its cluster: who was to be its way in, and does not answer. */
  notices(): readonly string[] {
    const { self } = this.#parts
    const silent = this.#seeds.filter(seed => seed.silence)
    const out = silent
      .slice(0, maxSilentTold)
      .map(({ text, silence }) => `${text} does not answer: ${silence}; this node goes on trying`)
    const sought = this.#seeds.filter(seed => seed.peer !== self.id)
    const { cluster } = self.facts
    if (cluster && silent.length > 0 && silent.length === sought.length)
      out.push(
        `nobody of «${cluster.name}» answers where this node last knew them: start them; if they moved: hive join, with the address of one`,
      )
    return out
  }

  #at(at: string): Seed | undefined {
    return this.#seeds.find(seed => seed.at === at)
  }
}

/** With its port; what is no address stays what it is. */
function inFull(text: string): string {
  const address = parseAddress(text, defaultPorts.peers)
  return 'message' in address ? text : formatAddress(address)
}
