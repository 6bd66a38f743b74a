import type { EpochMillis } from '../base/time.ts'
import type { CertificateRecord, NodeRecord } from '../state/types.ts'

/**
 * Certificates that should have been renewed and were not: nodes ask for the next one at half of the life of the
 * one they have, so one that is past three quarters tells of trouble while there is time to mend it.
 */
export function expiryNotices(
  nodes: ReadonlyMap<string, NodeRecord>,
  certificates: ReadonlyMap<string, CertificateRecord>,
  wall: EpochMillis,
): readonly string[] {
  const out: string[] = []
  for (const { id, name } of nodes.values()) {
    const held = certificates.get(id)
    if (!held) continue
    const left = held.notAfter - wall
    if (left <= 0) out.push(`${name}: its certificate has expired: ${cure}`)
    else if (left < (held.notAfter - held.notBefore) / 4) {
      out.push(`${name}: its certificate ends in ${lengthOf(left)} and was not renewed: ${cure}`)
    }
  }
  return out
}

/** In the words of the node itself, whom nobody of its cluster believes any more. */
export function ownExpiry(hasSecret: boolean, name: string): string {
  const what = 'the certificate of this node has expired'
  return hasSecret
    ? `${what}; it comes by the secret of the cluster, and gets a new one`
    : `${what}, and it has no secret to come by: start it with --secret-file; or have it join as a new node: hive reset on it, hive node remove ${name} on another, then hive join with a token`
}

const cure = 'it needs to reach the leader; started with --secret-file it gets a new one even now'

function lengthOf(ms: number): string {
  const hours = Math.floor(ms / 3_600_000)
  if (hours >= 48) return `${Math.floor(hours / 24)} days`
  return hours >= 1 ? `${hours} h` : `${Math.max(1, Math.floor(ms / 60_000))} min`
}
