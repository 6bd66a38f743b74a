import { type Address, formatAddress } from '../../base/address.ts'
import type { Random } from '../../base/random.ts'
import { count, fields, list, text } from '../../base/shape.ts'
import type { Clock, Millis } from '../../base/time.ts'
import { clockOf, datagramSizes, type PeerFinding } from '../../cluster/doctor.ts'
import type { RequestOutcome } from '../../net/link-types.ts'
import { dialPatience, type Helper } from './helper.ts'
import type { Peers } from './peers.ts'

/** A node that the one examined should be able to reach. */
export interface Neighbour {
  readonly id: string
  readonly name: string
  readonly address: Address
  readonly version: string
}

export interface NeighbourParts {
  readonly clock: Clock
  readonly random: Random
  readonly peers: Peers
  readonly helper: Helper
}

/** A peer that is there answers in milliseconds; slower ones are as good as away. */
const patience: Millis = 4_000
/** Exchanges of the time; the fastest one counts. */
const exchanges = 5
/** Datagrams that have not arrived by then are lost, ms. */
const flight: Millis = 700

/** Everything that can be learnt of the way to one peer, and back. */
export function examineNeighbour(
  parts: NeighbourParts,
  peer: Neighbour,
  done: (finding: PeerFinding) => void,
): void {
  const { name, address, version } = peer
  const base = { name, address: formatAddress(address), version }
  measureClock(parts, peer, clock => {
    if (!clock.ok) {
      const old = clock.code === 'BAD_REQUEST'
      if (old) return done({ ...base, tooOld: true })
      return done({ ...base, silent: withoutName(clock.message, name, peer.id) })
    }
    const found: { datagrams?: Datagrams; streams?: Streams } = {}
    const finish = (): void => {
      const { datagrams, streams } = found
      if (!datagrams || !streams) return
      if (datagrams === 'stranger' || streams === 'stranger')
        done({ ...base, clock: clock.body, stranger: true })
      else done({ ...base, clock: clock.body, datagrams, streams })
    }
    measureDatagrams(parts, peer, datagrams => {
      found.datagrams = datagrams
      finish()
    })
    tryStreams(parts, peer, streams => {
      found.streams = streams
      finish()
    })
  })
}

/** It answers, and does not know where this node is. */
type Stranger = 'stranger'
type Datagrams = NonNullable<PeerFinding['datagrams']> | Stranger
type Streams = NonNullable<PeerFinding['streams']> | Stranger
type Failure = RequestOutcome & { ok: false }
type ClockOutcome = { readonly ok: true; readonly body: ReturnType<typeof clockOf> } | Failure

/** Four timestamps each, as NTP does it, over the link. */
function measureClock(
  { clock, peers }: NeighbourParts,
  { id }: Neighbour,
  done: (outcome: ClockOutcome) => void,
): void {
  const seen: Parameters<typeof clockOf>[0][number][] = []
  const ask = (): void => {
    const began = clock.now()
    const sent = clock.wall()
    peers.request(id, 'doctor-time', {}, patience, outcome => {
      if (!outcome.ok) return done(outcome)
      const took = clock.now() - began
      const back = clock.wall()
      const times = readable(() => {
        const body = fields(outcome.body)
        return { heard: count(body, 'heard'), answered: count(body, 'answered') }
      })
      if (!times) return done({ ok: false, code: 'INTERNAL', message: 'it tells no time' })
      seen.push({ sent, ...times, back, took })
      if (seen.length < exchanges) return ask()
      done({ ok: true, body: clockOf(seen) })
    })
  }
  ask()
}

function measureDatagrams(
  { clock, random, peers, helper }: NeighbourParts,
  { id, address }: Neighbour,
  done: (found: Datagrams) => void,
): void {
  const nonce = random.below(2 ** 32)
  helper.expect(id, nonce)
  peers.request(id, 'doctor-probe', { nonce }, patience, outcome => {
    if (!outcome.ok) return done(failureOf(outcome))
    helper.probe(address, nonce)
    clock.after(flight, () => {
      peers.request(id, 'doctor-seen', { nonce }, patience, outcome => {
        if (!outcome.ok) return done({ failed: outcome.message })
        const there = readable(() => list(fields(outcome.body), 'sizes', datagramSizes.length))
        done({ out: largest(there ?? []), back: largest(helper.seen(id, nonce)) })
      })
    })
  })
}

/** A connection of its own each way: the link that is there says nothing of the next one. */
function tryStreams(
  { peers, helper }: NeighbourParts,
  { id, address }: Neighbour,
  done: (found: Streams) => void,
): void {
  helper.dial(address, out => {
    peers.request(id, 'doctor-dial', {}, dialPatience + patience, outcome => {
      if (!outcome.ok) return done(failureOf(outcome))
      const back = readable(() => {
        const body = fields(outcome.body)
        return { back: text(body, 'outcome', 32), at: text(body, 'at', 300) }
      })
      done(back ? { out, ...back } : { failed: 'its answer cannot be read' })
    })
  })
}

function failureOf({ code, message }: Failure): Stranger | { readonly failed: string } {
  return code === 'UNKNOWN_NODE' ? 'stranger' : { failed: message }
}

/** The line that shows it begins with the name; a link that never came about knows its node by the id alone. */
function withoutName(text: string, ...names: readonly string[]): string {
  const own = names.find(name => text.startsWith(`${name} `))
  return own === undefined ? text : text.slice(own.length + 1)
}

function largest(sizes: readonly unknown[]): number {
  return Math.max(0, ...sizes.filter(s => typeof s === 'number'))
}

/** What a peer says may be anything. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
