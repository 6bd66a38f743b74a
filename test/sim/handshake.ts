import type { EpochMillis } from '../../src/base/time.ts'
import {
  type Credentials,
  isCertified,
  type Manner,
  mannersOf,
  named,
  type Proof,
} from '../../src/net/security/credentials.ts'
import { isDisbelief, outOfTime } from '../../src/net/security/real-proved.ts'
import type { Disbelief, PeerIdentity } from '../../src/net/types.ts'
import { readPaper } from './notary.ts'

/** What a process shows on its connections, and the clock that it judges others by. */
export interface Papers {
  credentials(): Credentials
  /** Connections are plain. */
  open(): boolean
  wall(): EpochMillis
}

/** One after the other until one is believed, as a dialler with several things to show tries them. */
export interface Attempt {
  readonly seenByDialler: PeerIdentity
  readonly seenByServer: PeerIdentity | Disbelief
}

/** What TLS would come to between these two: whom each takes the other for. Undefined: neither proves anything. */
export function shakeHands(
  dialler: Papers | undefined,
  server: Papers | undefined,
): readonly Attempt[] | 'untrusted' | 'foreign' | undefined {
  const [here, there] = [dialler, server].map(papers => (papers?.open() ? undefined : papers))
  if (!here && !there) return undefined
  if (!here || !there) return 'untrusted'
  let no: 'untrusted' | 'foreign' = 'untrusted'
  const attempts: Attempt[] = []
  for (const manner of mannersOf(here.credentials(), counts(here))) {
    const shown = there.credentials()[manner === 'token' ? 'member' : manner]
    if (!shown) continue
    const seenByDialler = judge(shown, manner, here)
    if (!seenByDialler) {
      if (manner === 'token') no = 'foreign'
      continue
    }
    const seenByServer =
      manner === 'token'
        ? ({ kind: 'anonymous' } as const)
        : seen(here.credentials()[manner]!, manner, there)
    attempts.push({ seenByDialler, seenByServer })
    if (!isDisbelief(seenByServer)) break
  }
  return attempts.length > 0 ? attempts : no
}

function seen(proof: Proof, manner: Manner, by: Papers): PeerIdentity | Disbelief {
  const believed = judge(proof, manner, by)
  if (believed) return believed
  const certificate = readPaper(proof.chain)
  const { id } = named(certificate)
  const isOurs = believes(by.credentials(), manner, certificate.issuer, proof)
  return {
    ...(isOurs ? outOfTime : { why: 'untrusted' }),
    ...(id !== undefined && { named: id }),
  }
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
