import type { EpochMillis } from '../../src/base/time.ts'
import {
  type Credentials,
  isCertified,
  type Manner,
  mannersOf,
  named,
  type Proof,
} from '../../src/net/security/credentials.ts'
import { outOfTime } from '../../src/net/security/real-proved.ts'
import type { PeerIdentity } from '../../src/net/types.ts'
import { readPaper } from './notary.ts'

/** What a process shows on its connections, and the clock that it judges others by. */
export interface Papers {
  credentials(): Credentials
  /** Connections are plain. */
  open(): boolean
  wall(): EpochMillis
}

/** What TLS would come to between these two: whom each takes the other for. Undefined: neither proves anything. */
export function shakeHands(
  dialler: Papers | undefined,
  server: Papers | undefined,
):
  | {
      readonly seenByDialler: PeerIdentity
      /** A text: why it is not believed; what was out of time hears so. */
      readonly seenByServer: PeerIdentity | string
    }
  | 'untrusted'
  | 'foreign'
  | undefined {
  const [here, there] = [dialler, server].map(papers => (papers?.open() ? undefined : papers))
  if (!here && !there) return undefined
  if (!here || !there) return 'untrusted'
  let no: 'untrusted' | 'foreign' = 'untrusted'
  let unheard: { seenByDialler: PeerIdentity; seenByServer: string } | undefined
  for (const manner of mannersOf(here.credentials(), counts(here))) {
    const shown = there.credentials()[manner === 'token' ? 'member' : manner]
    if (!shown) continue
    const seenByDialler = judge(shown, manner, here)
    if (!seenByDialler) {
      if (manner === 'token') no = 'foreign'
      continue
    }
    if (manner === 'token') return { seenByDialler, seenByServer: { kind: 'anonymous' } }
    const own = here.credentials()[manner]!
    const seenByServer = judge(own, manner, there)
    if (seenByServer) return { seenByDialler, seenByServer }
    const { issuer } = readPaper(own.chain)
    if (believes(there.credentials(), manner, issuer, own))
      return { seenByDialler, seenByServer: outOfTime }
    // It is hung up on without a word, and tries the next manner.
    unheard ??= { seenByDialler, seenByServer: 'untrusted' }
  }
  return unheard ?? no
}

/** Of a member, by its own clock. */
function counts({ credentials, wall }: Papers): boolean {
  const { member } = credentials()
  if (!member) return true
  const { notBefore, notAfter } = readPaper(member.chain)
  return notBefore <= wall() && wall() <= notAfter
}

/** Whom `by` takes the owner of this proof for; undefined: for nobody. */
function judge(proof: Proof, manner: Manner, by: Papers): PeerIdentity | undefined {
  const certificate = readPaper(proof.chain)
  const { id, tag } = named(certificate)
  const { key, serial, notBefore, notAfter, issuer } = certificate
  const wall = by.wall()
  if (id === undefined || wall < notBefore || wall > notAfter) return undefined
  if (!believes(by.credentials(), manner, issuer, proof)) return undefined
  if (manner === 'secret') return { kind: 'secret', id, key }
  const ours = by.credentials().member?.tag
  if (tag === undefined || (isCertified(manner) && tag !== ours)) return undefined
  return { kind: 'node', id, tag, key, serial }
}

function believes(credentials: Credentials, manner: Manner, issuer: string, proof: Proof): boolean {
  if (manner === 'token') {
    const authority = readPaper(proof.chain.split('\n')[1]!)
    return authority.fingerprint === credentials.token?.authority && authority.key === issuer
  }
  return credentials[manner]?.authorities.some(a => readPaper(a).key === issuer) ?? false
}
