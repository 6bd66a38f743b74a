import type { SwimConfig } from './types.ts'

/** For a local network: a dead node is noticed within about three seconds. */
export const swimDefaults: SwimConfig = {
  probePeriod: 500,
  probeTimeout: 200,
  indirectProbes: 3,
  suspicionMultiplier: 4,
  suspicionMaxFactor: 6,
  retransmitMultiplier: 4,
  gossipFanout: 3,
  gossipPeriod: 100,
  pushPullPeriod: 30_000,
  maxHealthScore: 8,
  packetBytes: 1400,
  verdictMemory: 24 * 3600 * 1000,
  slice: Number.POSITIVE_INFINITY,
}

/** Bounds that nobody tunes, each with what it protects. */
export const limits = {
  /** Members known at once: memory, about 1 KiB each. */
  members: 200_000,
  /** Accusers remembered of one member; confirmations that count are fewer. */
  accusers: 8,
  /** Pieces of news waiting to be passed on; anti-entropy carries what is dropped. */
  news: 8192,
  /** Probes under way on behalf of others: a flood of requests must not become a flood of pings. */
  relays: 1024,
  /** Probes of our own under way: when half the cluster goes at once, not everybody is looked at. */
  probes: 1024,
  /** Bytes of one push-pull message; a listing that is longer goes out in several. */
  exchangeBytes: 60_000,
  /** Updates in one message. */
  updates: 4096,
  /** About so many look for themselves when they hear of a suspicion… */
  secondOpinions: 64,
  /** …and about so many call once more before they give a member up. */
  lastCalls: 256,
  /** Running suspicions that a ping asks about: a few, so that news keeps its room. */
  doubts: 4,
  nameBytes: 128,
  hostBytes: 253,
  metaBytes: 256,
  /** Incarnations stay below, so that nobody can push one to where numbers lose their ones. */
  incarnation: 2 ** 48,
} as const

/** The rhythms that follow from others; in probe periods unless they say otherwise. */
export const rhythm = {
  /** A suspicion after "nobody listens there": enough for one refutation to come round. */
  refusedSuspicion: 2,
  /** Probe timeouts before its end that the suspect gets a last call. */
  lastCallTimeouts: 2,
  /** One absent member is called this often… */
  call: 4,
  /** …and every so many of these calls go over the stream as well. */
  callsPerStreamCall: 4,
  /** How long the answer to a call is awaited. */
  callAnswer: 4,
  /** At least this long between exchanges with members that came back, and between tries at the first. */
  exchangeGap: 4,
  /** In search of its place among many a node asks on this soon after an answer that told it of somebody new. */
  searchGap: 1,
} as const

/** News leaves in the turn that brought it, but not more often than the gossip period over this. */
export const urgentGossipDivisor = 5
