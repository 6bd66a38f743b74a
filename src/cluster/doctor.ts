import type { EpochMillis, Millis } from '../base/time.ts'
import { shownSpan } from './first-validation.ts'

/**
 * What is wrong with a node before it hurts: figures that its agent measured go in, verdicts with cures come
 * out. A row of the table for each thing that operators of quorums learn the hard way.
 */

export type CheckVerdict = 'ok' | 'warn' | 'fail' | 'skipped'

export interface Check {
  readonly name: string
  readonly verdict: CheckVerdict
  /** What was measured, in a line. */
  readonly figures: string
  /** What to do, in a line; '' where all is well. */
  readonly cure: string
  /** Where it is about peers: what each of them came to. */
  readonly peers?: readonly {
    readonly peer: string
    readonly verdict: CheckVerdict
    readonly figures: string
  }[]
}

/** What did not work, in words. */
export interface Failed {
  readonly failed: string
}

export interface PeerFinding {
  readonly name: string
  readonly address: string
  readonly version: string
  /** Why it was not asked, or did not answer; absent: it answered. */
  readonly silent?: string
  /** In a cluster larger than a slice: it keeps others, does not know where this node is, and so cannot try the way back. */
  readonly stranger?: true
  /** It runs a hive that knows no examinations. */
  readonly tooOld?: true
  /** Its wall clock is ahead of ours by this, give or take half of `roundTrip`. */
  readonly clock?: { readonly ahead: Millis; readonly roundTrip: Millis } | Failed
  /** Largest datagram that arrived there, and here; 0: none. */
  readonly datagrams?: { readonly out: number; readonly back: number } | Failed
  /** How a connection to it came out, and one of its to us; `open`, or why not. */
  readonly streams?: { readonly out: string; readonly back: string; readonly at: string } | Failed
}

export interface Examination {
  /** Undefined: this node has no disk that could be measured. */
  readonly syncs?: readonly Millis[] | Failed
  readonly premises?: Premises | Failed
  readonly files?: { readonly used: number; readonly limit: number }
  /** Lateness of timers, each ms. */
  readonly lags: readonly Millis[]
  readonly peers: readonly PeerFinding[]
  /** Members beyond those that were asked. */
  readonly unasked: number
  readonly wall: EpochMillis
  readonly maxClockSkew: Millis
  /** Undefined: nodes prove nothing here. */
  readonly certificates?: readonly {
    readonly node: string
    readonly notBefore: EpochMillis
    readonly notAfter: EpochMillis
  }[]
  readonly seeds: readonly { readonly seed: string; readonly outcome: string }[]
  /** Nodes remembered from before, which are tried too. */
  readonly remembered: number
  /** Undefined: a zombie. */
  readonly quorum?: {
    readonly voters: number
    readonly needed: number
    readonly reachable: number
    readonly leader: boolean
  }
  readonly version: string
}

export interface Premises {
  readonly path: string
  readonly bytes: number
  readonly free: number
  readonly total: number
  /** Others than the agent's user get in. */
  readonly shared: boolean
}

/** Datagrams of gossip are at most so large. */
export const fullDatagram = 1400
/** Smaller ones that are tried: IPv6's least MTU, the oldest tunnels, and RFC 791's least. */
export const datagramSizes = [fullDatagram, 1252, 1000, 548, 200] as const

/** In the order in which they are shown. */
const rows: readonly ((found: Examination) => Check)[] = [
  quorum,
  links,
  tcp,
  udp,
  mtu,
  clock,
  diskSync,
  diskSpace,
  dataDirectory,
  openFiles,
  eventLoop,
  certificates,
  seeds,
  versions,
]

export function diagnose(found: Examination): readonly Check[] {
  return rows.map(row => row(found))
}

/** The worst of them; what was skipped says nothing. */
export function worst(checks: readonly { readonly verdict: CheckVerdict }[]): CheckVerdict {
  if (checks.some(c => c.verdict === 'fail')) return 'fail'
  if (checks.some(c => c.verdict === 'warn')) return 'warn'
  return checks.some(c => c.verdict === 'ok') ? 'ok' : 'skipped'
}

function quorum({ quorum: q }: Examination): Check {
  const name = 'quorum'
  if (!q) return skipped(name, 'a zombie: nobody votes before hive init')
  const figures = `${q.reachable} of ${q.voters} voters reachable, ${q.needed} needed`
  if (q.reachable < q.needed)
    return check(
      name,
      'fail',
      figures,
      'start the missing voters; if they are lost for good: hive recover plan',
    )
  if (!q.leader)
    return check(
      name,
      'fail',
      `${figures}; no leader`,
      'hive log and the trace of the voters say why',
    )
  if (q.voters === 1)
    return check(
      name,
      'warn',
      `${figures}; no failure is survived`,
      'hive control promote NODE, up to three or five voters',
    )
  if (q.reachable === q.needed)
    return check(
      name,
      'warn',
      `${figures}; one more failure stops all decisions`,
      'bring the missing voter back, or replace it: hive control demote and promote',
    )
  if (q.voters % 2 === 0)
    return check(
      name,
      'warn',
      `${figures}; as many failures are survived with ${q.voters - 1}`,
      'make the number odd: hive control promote or demote',
    )
  return check(name, 'ok', figures)
}

function links({ peers, unasked }: Examination): Check {
  const more = unasked > 0 ? `; ${unasked} more were not asked` : ''
  return ofPeers(
    'links',
    peers,
    ({ silent, tooOld, stranger }) => {
      if (silent !== undefined) return ['fail', silent]
      if (stranger) return ['ok', 'answers, keeps others, and cannot try the way back']
      return tooOld ? ['warn', 'an older hive: it cannot be examined with'] : ['ok', 'answers']
    },
    'look whether its agent runs and what its hive doctor says; an older one: upgrade it',
    more,
  )
}

function tcp({ peers }: Examination): Check {
  return ofPeers(
    'tcp',
    peers,
    ({ streams }) => {
      if (!streams) return undefined
      if ('failed' in streams) return ['fail', streams.failed]
      const wrong = [
        streams.out !== 'open' && `to it: ${streams.out}`,
        streams.back !== 'open' && `from it to ${streams.at}: ${streams.back}`,
      ].filter(Boolean)
      return wrong.length > 0 ? ['fail', wrong.join(', ')] : ['ok', 'open both ways']
    },
    'let TCP through in both directions (firewall, NAT); others must be able to dial what this node advertises (--advertise)',
  )
}

function udp({ peers }: Examination): Check {
  return ofPeers(
    'udp',
    peers,
    ({ datagrams }) => {
      if (!datagrams) return undefined
      if ('failed' in datagrams) return ['fail', datagrams.failed]
      const { out, back } = datagrams
      if (out > 0 && back > 0) return ['ok', 'arrives both ways']
      return ['fail', `nothing arrives ${out > 0 ? 'from it' : back > 0 ? 'there' : 'either way'}`]
    },
    'let UDP through on the same port as TCP, in both directions',
  )
}

function mtu({ peers }: Examination): Check {
  return ofPeers(
    'mtu',
    peers,
    ({ datagrams }) => {
      if (!datagrams || 'failed' in datagrams) return undefined
      const { out, back } = datagrams
      if (out === 0 && back === 0) return undefined
      const verdict = out >= fullDatagram && back >= fullDatagram ? 'ok' : 'fail'
      return [verdict, `${out} bytes there, ${back} back`]
    },
    `gossip sends datagrams of up to ${fullDatagram} bytes: raise the MTU of the way between them (tunnel, VPN, bridge)`,
  )
}

function clock({ peers, maxClockSkew }: Examination): Check {
  return ofPeers(
    'clock',
    peers,
    ({ clock: c }) => {
      if (!c) return undefined
      if ('failed' in c) return ['warn', c.failed]
      const { ahead, roundTrip } = c
      const sure = Math.max(0, Math.abs(ahead) - roundTrip / 2)
      const figures = `${ahead < 0 ? '−' : '+'}${ms(Math.abs(ahead))} (±${ms(roundTrip / 2)})`
      if (sure > maxClockSkew) return ['fail', figures]
      return [sure > clockWorthTelling ? 'warn' : 'ok', figures]
    },
    `set the clocks (chronyc makestep); a node that comes is refused beyond ${shownSpan(maxClockSkew)}`,
  )
}

/** A synchronised clock is within a few ms; times in the log are compared by people, to the second. */
const clockWorthTelling: Millis = 500

function diskSync({ syncs }: Examination): Check {
  const name = 'disk-sync'
  if (!syncs) return skipped(name, 'not measured here')
  if ('failed' in syncs)
    return check(name, 'fail', syncs.failed, 'look at the disk; this node cannot keep a vote')
  const [p50, p99, most] = [0.5, 0.99, 1].map(share => percentile(syncs, share)) as [
    number,
    number,
    number,
  ]
  const figures = `p50 ${ms(p50)}, p99 ${ms(p99)}, longest ${ms(most)} of ${syncs.length} fsyncs`
  const cure = 'every write waits for this: a faster disk, or fewer others on it'
  if (p99 > slowSync.fail) return check(name, 'fail', figures, cure)
  return p99 > slowSync.warn ? check(name, 'warn', figures, cure) : check(name, 'ok', figures)
}

/** A disk that needs half an election timeout may cost the leader its followers. */
const slowSync = { warn: 25, fail: 250 }

function diskSpace({ premises }: Examination): Check {
  const name = 'disk-space'
  if (!premises) return skipped(name, 'not measured here')
  if ('failed' in premises)
    return check(name, 'warn', premises.failed, 'look at the data directory')
  const { free, total } = premises
  const figures = `${size(free)} of ${size(total)} free`
  const cure = 'make room: a full disk costs this node its vote'
  if (free < littleSpace.fail) return check(name, 'fail', figures, cure)
  if (free < littleSpace.warn || free < total * littleSpace.share)
    return check(name, 'warn', figures, cure)
  return check(name, 'ok', figures)
}

/** A log, the snapshot that replaces it and one that is received must fit side by side. */
const littleSpace = { fail: 256 * 2 ** 20, warn: 2 ** 30, share: 0.05 }

function dataDirectory({ premises }: Examination): Check {
  const name = 'data-directory'
  if (!premises || 'failed' in premises) return skipped(name, 'not measured here')
  const figures = `${size(premises.bytes)} in ${premises.path}`
  if (premises.shared)
    return check(
      name,
      'warn',
      `${figures}; other users get in`,
      `chmod 700 ${premises.path}: the node's key is in there`,
    )
  return check(name, 'ok', figures)
}

function openFiles({ files }: Examination): Check {
  const name = 'open-files'
  if (!files) return skipped(name, 'this system does not say')
  const { used, limit } = files
  const figures = `${used} of ${limit}`
  const cure = 'raise the limit of the service: LimitNOFILE=16384, or ulimit -n'
  if (used > limit * 0.9) return check(name, 'fail', figures, cure)
  if (used > limit * 0.6 || limit < fewFiles) return check(name, 'warn', figures, cure)
  return check(name, 'ok', figures)
}

/** Strangers, links and requests of a middling cluster. */
const fewFiles = 1024

function eventLoop({ lags }: Examination): Check {
  const name = 'event-loop'
  if (lags.length === 0) return skipped(name, 'not measured here')
  const [p99, most] = [percentile(lags, 0.99), percentile(lags, 1)]
  const figures = `timers late by p99 ${ms(p99)}, at most ${ms(most)}`
  const cure = 'the processor is short: more of it for the agent, or less beside it'
  if (p99 > lateLoop.fail) return check(name, 'fail', figures, cure)
  return p99 > lateLoop.warn ? check(name, 'warn', figures, cure) : check(name, 'ok', figures)
}

/** Probes of gossip wait 200 ms, elections 500 ms. */
const lateLoop = { warn: 100, fail: 500 }

function certificates({ certificates: all, wall }: Examination): Check {
  const name = 'certificates'
  if (!all) return skipped(name, 'nodes prove nothing here (loopback without a secret)')
  if (all.length === 0) return skipped(name, 'none yet: there was no init')
  const judged = all.map(({ node, notBefore, notAfter }) => {
    const left = notAfter - wall
    const verdict: CheckVerdict =
      left <= 0 ? 'fail' : left < (notAfter - notBefore) / 4 ? 'warn' : 'ok'
    return { node, left, verdict }
  })
  const bad = judged.filter(j => j.verdict !== 'ok')
  const next = judged.reduce((a, b) => (b.left < a.left ? b : a))
  const told = (j: (typeof judged)[number]) =>
    j.left <= 0 ? `${j.node} expired` : `${j.node} ends in ${shownSpan(j.left)}`
  if (bad.length === 0) return check(name, 'ok', `${all.length}; the first, of ${told(next)}`)
  return check(
    name,
    worst(judged),
    bad.map(told).join(', '),
    'it renews itself at half of its life once it reaches the leader; with --secret-file even an expired one',
  )
}

function seeds({ seeds: all, remembered }: Examination): Check {
  const name = 'seeds'
  const bad = all.filter(s => s.outcome !== 'open')
  const also = remembered > 0 ? `; ${remembered} remembered nodes are tried too` : ''
  if (all.length === 0) return skipped(name, `none configured${also}`)
  const figures =
    bad.length === 0
      ? `${all.length} of ${all.length} answer${also}`
      : `${bad.map(s => `${s.seed}: ${s.outcome}`).join(', ')}${also}`
  const nobody = bad.some(s => s.outcome === unresolved)
  if (bad.length === all.length && remembered === 0)
    return check(name, 'fail', figures, 'a seed must name a node that runs: correct --join')
  if (nobody)
    return check(
      name,
      'warn',
      figures,
      'a name that nobody has is of no use: correct --join, or the DNS',
    )
  return bad.length > 0
    ? check(name, 'warn', figures, 'correct --join, or start what it names')
    : check(name, 'ok', figures)
}

const unresolved = 'unresolved'

function versions({ peers, version }: Examination): Check {
  const name = 'versions'
  const others = peers.filter(p => p.version !== '' && p.version !== version)
  if (others.length === 0) return check(name, 'ok', `hive ${version} everywhere`)
  const figures = `here ${version}; ${others.map(p => `${p.name} ${p.version}`).join(', ')}`
  return check(
    name,
    'warn',
    figures,
    'finish the upgrade: what is new is used once every node has it',
  )
}

/** One verdict of what each peer came to; undefined: says nothing of this. */
function ofPeers(
  name: string,
  peers: readonly PeerFinding[],
  judge: (peer: PeerFinding) => readonly [CheckVerdict, string] | undefined,
  cure: string,
  more = '',
): Check {
  if (peers.length === 0) return skipped(name, 'no other node is known')
  const told = peers.flatMap(peer => {
    const judged = judge(peer)
    return judged ? [{ peer: peer.name, verdict: judged[0], figures: judged[1] }] : []
  })
  if (told.length === 0) return skipped(name, 'nobody answers')
  const bad = told.filter(t => t.verdict !== 'ok')
  const shown = bad.length > 0 ? bad : told
  const alike = shown.length > 1 && shown.every(t => t.figures === shown[0]!.figures)
  const figures = alike
    ? `${shown.length === told.length && shown.length > 3 ? `all ${shown.length}` : shown.map(t => t.peer).join(', ')}: ${shown[0]!.figures}`
    : shown.map(t => `${t.peer}: ${t.figures}`).join('; ')
  const verdict = worst(told)
  return { ...check(name, verdict, `${figures}${more}`, verdict === 'ok' ? '' : cure), peers: told }
}

function check(name: string, verdict: CheckVerdict, figures: string, cure = ''): Check {
  return { name, verdict, figures, cure }
}

function skipped(name: string, why: string): Check {
  return check(name, 'skipped', why)
}

/** Nearest rank; of a list that is not empty. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!
}

/** NTP's offset and delay (RFC 5905 §8) of the exchange that was fastest: it says most. */
export function clockOf(
  exchanges: readonly {
    readonly sent: EpochMillis
    readonly heard: EpochMillis
    readonly answered: EpochMillis
    readonly back: EpochMillis
    /** By the monotonic clock, finer than the four. */
    readonly took: Millis
  }[],
): { readonly ahead: Millis; readonly roundTrip: Millis } {
  const best = exchanges.reduce((a, b) => (b.took < a.took ? b : a))
  const ahead = (best.heard - best.sent + (best.answered - best.back)) / 2
  // Wall clocks count whole ms.
  return { ahead, roundTrip: Math.max(1, best.took - (best.answered - best.heard)) }
}

function ms(value: Millis): string {
  if (value >= 120_000) return shownSpan(value)
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`
}

function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${value >= 10 || unit === 0 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`
}
