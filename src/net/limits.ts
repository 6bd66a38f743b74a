import type { LinkLimits } from './link-types.ts'

/** What `createLinks` uses where nothing else is given. */
export const defaultLimits: LinkLimits = {
  /** Above every value (512 KiB), append (256 KiB) and snapshot chunk; below what hurts to hold. */
  frameBytes: 8 * 2 ** 20,
  /** A peer that takes nothing in must not cost more than this; raft recovers what is dropped. */
  queueBytes: 32 * 2 ** 20,
  /** A handshake is one round trip and a half; a stranger who says less holds a socket for no longer. */
  handshakeTimeout: 5_000,
  /** A SYN lost once is repeated after 1 s, lost twice after 3 s: two chances. */
  dialTimeout: 4_000,
  /** A link that says nothing for this long is asked whether it lives. */
  pingIdle: 10_000,
}

/** Pings in a row without a sign of life after which a link is dead. */
export const maxPingsMissed = 3

/** Where a link is doubted, so long for a sign of life, ms: longer than a packet lost three times. */
export const doubtedFor = 1_500

/** A sign of life after a doubt counts so long, ms: longer than the pause between two dials of whoever wants its place. */
export const answerCounts = 5_000

/** Magic, layout and JSON of a handshake or a verdict: the most that a stranger can make us hold, linked or not. */
export const maxHandshakeBytes = 16 * 2 ** 10

/** Requests without our answer of a peer that proves nothing: it has one to ask, and a few tries. */
export const maxAnonymousRequests = 8

/** Accepted connections that have not proved who they are; the oldest makes room. Each costs a socket. */
export const maxStrangers = 256

/**
 * Links that are up; beyond, peers are told BUSY. Members of a large cluster have one to a control node each: of ten thousand,
 * half are at each of two when the third is down. Keeps well below the usual hard limit of open files, which Node.js makes its own.
 */
export const maxLinks = 8_192

/** Requests to one peer without an answer, and from one peer without ours; beyond, BUSY. */
export const maxRequests = 4_096

/** First and longest pause between dials, ms; it doubles in between. */
export const backOff = { first: 50, longest: 2_000 } as const

/** A link that was up for this long, ms, was a good one: its loss is answered by a dial at once. */
export const stableAfter = 1_000
