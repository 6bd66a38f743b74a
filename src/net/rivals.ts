import { formatAddress, sameAddress } from '../base/address.ts'
import type { ErrorCode } from '../base/errors.ts'
import type { Instant, Millis } from '../base/time.ts'
import type { Hello, Verdict } from './handshake.ts'
import type { Duplicate, Greeting } from './hello-codec.ts'
import type { Link } from './link.ts'

/**
 * Which connections may become links, before the agent's own rules are asked, and which of two to the same
 * node is used (README, "Two connections").
 */
export function judgeRival(
  link: Link,
  { hello, session }: Greeting,
  own: Hello,
  current: Link | undefined,
): Verdict | Duplicate {
  if (hello.id === own.id) return rejected('BAD_REQUEST', 'that is this node itself')
  if (link.expected !== undefined && link.expected !== hello.id) {
    return rejected('UNKNOWN_NODE', `another node answers there: ${hello.name} (${hello.id})`)
  }
  if (hello.protocolMin > own.protocolMax || hello.protocolMax < own.protocolMin) {
    const theirs = `${hello.protocolMin} to ${hello.protocolMax}`
    const ours = `${own.protocolMin} to ${own.protocolMax}`
    return rejected('VERSION_MISMATCH', `protocol ${theirs} meets protocol ${ours}`)
  }
  if (!current) return { outcome: 'welcome' }
  if (otherKey(link, current))
    return rejected('IDENTITY_MISMATCH', 'a node of that id and another key is linked')
  if (current.peer?.session === session) {
    // Only the dialler knows whether it still has the other one; whoever is dialled lets it decide.
    return { outcome: link.target ? 'duplicate' : 'welcome' }
  }
  if (isNextLife(link, hello, current)) return { outcome: 'welcome' }
  // The next life of a node whose last one nobody has seen end; or a copy of it, which must not take its place.
  if (current.hasShownLife)
    return rejected(
      'DUPLICATE_NODE',
      `${hello.name} runs already, at ${formatAddress(current.reachable)}: one of the two is a copy`,
    )
  return {
    outcome: 'busy',
    reason: `${own.name} looks whether ${hello.name} still runs at ${formatAddress(current.reachable)}`,
  }
}

/** One machine gives a port to one process: who comes from it and listens there is what became of the one before. */
function isNextLife(link: Link, hello: Hello, current: Link): boolean {
  const samePlace =
    link.remote.host === current.remote.host && sameAddress(hello.address, current.hello.address)
  return samePlace && hello.incarnation > current.hello.incarnation
}

/**
 * Two links of the same two processes, both confirmed by both. The older one stays only if the two dials crossed, and
 * then both ends must choose the same one: that which the smaller id dialled. If they did not cross, the peer has `lost`
 * the older one, or it would not have dialled.
 */
export function rivalry(
  current: Link,
  newcomer: Link,
  own: string,
  now: Instant,
  crossing: Millis,
): 'older' | 'newer' | 'lost' {
  if (newcomer.target !== undefined) return 'newer'
  const crossed = current.target !== undefined && now - current.upSince < crossing
  if (!crossed) return 'lost'
  return own < newcomer.hello.id ? 'older' : 'newer'
}

/** A node is its key: what it proves itself by may change, by a certificate that came or ran out, and the key may not. */
export function otherKey(one: Link, other: Link): boolean {
  const [a, b] = [keyOf(one), keyOf(other)]
  return a !== undefined && b !== undefined && a !== b
}

function keyOf({ identity }: Link): string | undefined {
  return identity && 'key' in identity ? identity.key : undefined
}

function rejected(code: ErrorCode, reason: string): Verdict {
  return { outcome: 'rejected', code, reason }
}
