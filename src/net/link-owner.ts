import type { Instant, Millis, Timer } from '../base/time.ts'
import type { Frame } from './framing.ts'
import type { Verdict } from './handshake.ts'
import type { Duplicate, Greeting } from './hello-codec.ts'
import type { Link } from './link.ts'
import type { DialFailure, LinkLimits } from './link-types.ts'
import type { CloseReason } from './types.ts'

/** What a link needs of whoever keeps the links, and tells it. */
export interface LinkOwner {
  readonly limits: LinkLimits
  now(): Instant
  after(delay: Millis, task: () => void): Timer
  greeting(): Greeting
  /** Whether a link to the node that greets us is wanted. */
  judge(link: Link, greeting: Greeting): Verdict | Duplicate
  up(link: Link): void
  /** Only after `up`. May throw MalformedError. */
  frame(link: Link, frame: Frame): void
  /** An accepted connection that proved nothing, or a link that broke the rules. */
  foreign(link: Link, why: string): void
  /** It was up and is no more. */
  down(link: Link, why: CloseReason): void
  /** It was dialled and never came up. */
  dialFailed(link: Link, failure: DialFailure): void
  /** It was accepted and judged, and the other end did not want it. */
  refused(failure: DialFailure): void
  /** It was accepted, never came up, and is gone. */
  strangerGone(link: Link): void
}
