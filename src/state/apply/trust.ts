import type { EventData } from '../events.ts'
import { type At, done, type Parts, type Ruling, refused, repeated, unknownNode } from './ruling.ts'

/** Whom the cluster believes: its authorities, the certificates they gave, and the keys of gossip. */

/** More would only mean that a rotation never ends: the old one, the new one. */
const maxAuthorities = 4
/** As many: the key that goes, the one in use, the one that comes. */
const maxGossipKeys = 3

export function createAuthority(parts: Parts, data: EventData['CaCreated'], at: At): Ruling {
  const { fingerprint, certificate, sealedKey } = data
  if (parts.authorities.get(fingerprint)) return repeated(at)
  if (parts.authorities.all.size >= maxAuthorities) {
    return refused(
      'BUSY',
      'an earlier change of the authority is not over yet',
      'see `hive ca show`',
    )
  }
  parts.authorities.set(fingerprint, {
    fingerprint,
    certificate,
    sealedKey,
    createdAt: at.index,
    time: at.time,
  })
  return done(at)
}

export function retireAuthority(parts: Parts, data: EventData['CaRetired'], at: At): Ruling {
  if (!parts.authorities.get(data.fingerprint)) return repeated(at)
  if ([...parts.authorities.all.keys()].at(-1) === data.fingerprint) {
    return refused('REFUSED', 'that is the authority in use', 'see `hive ca show`')
  }
  parts.authorities.delete(data.fingerprint)
  return done(at)
}

export function issueCertificate(
  parts: Parts,
  data: EventData['CertificateIssued'],
  at: At,
): Ruling {
  if (!parts.nodes.get(data.id)) return unknownNode(parts, data.id)
  if (parts.certificates.get(data.id)?.serial === data.serial) return repeated(at)
  const { id, serial, notBefore, notAfter, fingerprint, ca } = data
  parts.certificates.set(id, { id, serial, notBefore, notAfter, fingerprint, ca })
  forgetExpired(parts, at)
  return done(at)
}

/** Those of nodes that are gone are worth remembering only as long as somebody might believe them. */
function forgetExpired(parts: Parts, at: At): void {
  for (const { id, notAfter } of [...parts.certificates.all.values()]) {
    if (notAfter < at.time && !parts.nodes.get(id)) parts.certificates.delete(id)
  }
}

export function addGossipKey(parts: Parts, data: EventData['GossipKeyAdded'], at: At): Ruling {
  const { id, sealed } = data
  const known = parts.gossipKeys.get(String(id))
  if (known?.sealed === sealed) return repeated(at)
  const first = parts.gossipKeys.all.size === 0
  if (id < 1 || id > 255 || known || parts.gossipKeys.all.size >= maxGossipKeys) {
    return refused(
      'BUSY',
      'an earlier change of the gossip key is not over yet',
      'wait for it: `hive log` shows its end',
    )
  }
  if (first) {
    parts.gossipKeys.set('0', { id: 0, sealed: '', addedAt: at.index })
    parts.meta.note('gossip', { primary: 0 })
  }
  parts.gossipKeys.set(String(id), { id, sealed, addedAt: at.index })
  return done(at)
}

export function useGossipKey(parts: Parts, { id }: EventData['GossipKeyUsed'], at: At): Ruling {
  if (parts.meta.fact('gossip')?.primary === id) return repeated(at)
  if (!parts.gossipKeys.get(String(id))) return refused('NOT_FOUND', `there is no gossip key ${id}`)
  parts.meta.note('gossip', { primary: id })
  return done(at)
}

export function dropGossipKey(parts: Parts, { id }: EventData['GossipKeyDropped'], at: At): Ruling {
  if (!parts.gossipKeys.get(String(id))) return repeated(at)
  if (parts.meta.fact('gossip')?.primary === id) {
    return refused('REFUSED', `gossip is sent under key ${id}`)
  }
  parts.gossipKeys.delete(String(id))
  return done(at)
}
