import { text } from '../../base/shape.ts'
import type { ViewOfTrust } from '../../cluster/view.ts'
import type { RequestOutcome } from '../../net/link-types.ts'
import { seal, sealedUnder, unseal } from '../../net/security/seal.ts'
import type { Authority as Certifier } from '../../net/security/x509.ts'
import type { CaRecord } from '../../state/types.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import { type Methods, refusal } from '../requests.ts'
import type { Security } from '../trust/security.ts'
import { asLeader, type DeskParts, outcomeOf } from './desk.ts'

/** Secrets of the agreed state are bound to what they are for. */
export const purposes = {
  authority: 'hive ca key',
  gossip: (id: number) => `hive gossip key ${id}`,
}

export interface TrustParts extends DeskParts {
  readonly security: Security
  /** How long a certificate counts, ms. */
  readonly certificateLife: number
}

/** What members ask of the leader about certificates and keys. */
export function trustDesk(parts: TrustParts): Methods {
  return {
    certificate: asLeader(parts, ({ body, from, answer }, plane) => {
      certify(parts, plane, from, text(body, 'request', 4096), answer)
    }),
  }
}

/** Certifies the node's key, if it is the one that is agreed to be the node's. Throws MalformedError. */
export function certify(
  parts: TrustParts,
  plane: ControlPlane,
  id: string,
  request: string,
  done: (outcome: RequestOutcome) => void,
): void {
  const { security, clock, certificateLife, trace } = parts
  const { nodes, cluster } = plane.state
  const record = nodes.get(id)
  if (!record || !cluster) return done(refusal('UNKNOWN_NODE', 'that node is not in the cluster'))
  const { publicKey, key } = security.notary.readRequest(request)
  if (record.key !== key) {
    return done(
      refusal(
        'IDENTITY_MISMATCH',
        record.key
          ? `the request is not by the key of ${record.name}`
          : `the key of ${record.name} is not agreed yet`,
      ),
    )
  }
  // A wrong time would also make whoever was removed be forgotten too soon.
  if (!parts.clocks.isRight)
    return done(refusal('BUSY', 'the leader is not sure of its clock', 'it is asked again'))
  const [ca, certifier] = currentAuthority(security, plane)
  if (!ca || !certifier) {
    return done(
      refusal(
        'BUSY',
        ca
          ? 'the leader has not got the key of the authority yet'
          : 'the cluster has no authority yet',
        'it is asked again',
      ),
    )
  }
  const to = { publicKey, id, tag: cluster.tag, name: record.name, host: record.address.host }
  const certificate = security.issue(certifier, to, clock.wall(), certificateLife)
  const { serial, notBefore, notAfter, fingerprint } = security.notary.inspect(certificate)
  trace.info({ node: record.name, serial }, 'issuing a certificate')
  plane.propose(
    {
      type: 'CertificateIssued',
      data: { id, serial, notBefore, notAfter, fingerprint, ca: ca.fingerprint },
      actor: `leader:${parts.self.name}`,
    },
    outcome =>
      done(
        outcome.ok
          ? { ok: true, body: { certificate, authorities: certificatesOf(plane) } }
          : outcomeOf(outcome),
      ),
  )
}

export function certificatesOf(plane: ControlPlane): readonly string[] {
  return [...plane.state.authorities.values()].map(ca => ca.certificate)
}

/** The authority that certifies now, and its key if this node can open it. */
export function currentAuthority(security: Security, plane: ControlPlane): [CaRecord?, Certifier?] {
  const ca = [...plane.state.authorities.values()].at(-1)
  if (!ca) return []
  const key = unseal(security.controlKeys, ca.sealedKey, purposes.authority)
  return key ? [ca, { certificate: ca.certificate, key: Buffer.from(key).toString() }] : [ca]
}

/** Ids of the control keys without which some secret of the agreed state cannot be opened. */
export function neededControlKeys(plane: ControlPlane): ReadonlySet<string> {
  const texts = [
    ...[...plane.state.authorities.values()].map(ca => ca.sealedKey),
    ...plane.state.gossipKeys.keys.map(key => key.sealed).filter(sealed => sealed !== ''),
  ]
  return new Set(texts.map(sealedUnder))
}

export function sealed(security: Security, plain: Uint8Array, what: string): string {
  const under = security.controlKeys.at(-1)!
  return seal(under, security.notary.random(12), plain, what)
}

/** What a member is to believe; undefined: the cluster has no authority. Only ever sent to that member. */
export function trustFor(
  security: Security,
  plane: ControlPlane,
  ids: Iterable<string>,
): ViewOfTrust | undefined {
  const { authorities, nodes, certificates, gossipKeys } = plane.state
  if (authorities.size === 0) return undefined
  const keys: Record<string, string> = {}
  for (const id of ids) {
    const key = nodes.get(id)?.key
    if (key !== undefined) keys[id] = key
  }
  // All that are remembered: the time of the last event may be of a clock that was wrong.
  const removed = [...certificates.keys()].filter(id => !nodes.has(id))
  return {
    authorities: certificatesOf(plane),
    gossip: ringFor(security, gossipKeys),
    keys,
    removed,
  }
}

function ringFor(
  security: Security,
  { primary, keys }: ControlPlane['state']['gossipKeys'],
): ViewOfTrust['gossip'] {
  if (keys.length === 0) return null
  const out: { id: number; key: string }[] = []
  for (const { id, sealed } of keys) {
    const key = id === 0 ? new Uint8Array(0) : security.opened(sealed, purposes.gossip(id))
    if (!key) return null
    out.push({ id, key: Buffer.from(key).toString('base64url') })
  }
  return { primary, keys: out }
}
