import { createHash, X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { MalformedError } from '../../base/bytes.ts'
import type { Disbelief, PeerIdentity } from '../types.ts'
import { type Credentials, isCertified, type Manner, named } from './credentials.ts'
import { inspect } from './x509.ts'

/** What the other end has proved when TLS is through with its part, or why it is nobody to us. */
export function proved(
  socket: TLSSocket,
  manner: Manner,
  credentials: Credentials,
): PeerIdentity | Disbelief {
  if (manner === 'token') return { kind: 'anonymous' }
  const certificate = socket.getPeerX509Certificate()
  if (!certificate) return { why: 'no certificate' }
  const proof = credentials[manner]
  const isOurs = proof?.authorities.some(a => certificate.verify(publicKeyOf(a))) ?? false
  if (isOurs && !socket.authorized && !countsNow(certificate))
    return { ...outOfTime, ...namedIn(certificate) }
  if (!socket.authorized) return { why: reasonOf(socket), ...namedIn(certificate) }
  // OpenSSL has checked the path; that it ends at one of ours must not hang on how contexts are switched.
  if (!isOurs) return { why: 'certificate of another authority', ...namedIn(certificate) }
  return identityOf(certificate, isCertified(manner) ? 'member' : 'secret', credentials.member?.tag)
}

/** The joiner's side: the other end is vouched for by the authority that the token names. */
export function provedByToken(
  socket: TLSSocket,
  credentials: Credentials,
): PeerIdentity | Disbelief {
  const certificate = socket.getPeerX509Certificate()
  const authority = certificate?.issuerCertificate
  if (!certificate || !authority) return { why: 'no certificate' }
  const fingerprint = createHash('sha256').update(authority.raw).digest('hex')
  if (fingerprint !== credentials.token?.authority) return foreign
  if (!authority.ca || !certificate.verify(authority.publicKey))
    return { why: 'certificate of another authority' }
  if (!countsNow(certificate)) return outOfTime
  return identityOf(certificate, 'member', undefined)
}

/** The certificate is of an authority of ours, and has run out or not begun. */
export const outOfTime = {
  why: 'its certificate does not count now, by the clock of this end',
  outOfTime: true,
} as const satisfies Disbelief

/** The other end is of another cluster than that of the token. */
export const foreign: Disbelief = { why: 'foreign' }

export function isDisbelief(found: PeerIdentity | Disbelief): found is Disbelief {
  return 'why' in found
}

/** Anybody can make a certificate that names anybody. */
function namedIn(certificate: X509Certificate): Pick<Disbelief, 'named'> {
  const id = readable(() => named(inspect(certificate)).id)
  return typeof id === 'string' ? { named: id } : {}
}

function identityOf(
  certificate: X509Certificate,
  manner: 'member' | 'secret',
  ours: string | undefined,
): PeerIdentity | Disbelief {
  const certified = readable(() => inspect(certificate))
  if (certified instanceof MalformedError) return { why: certified.message }
  const { id, tag } = named(certified)
  const { key, serial } = certified
  if (id === undefined) return { why: 'a certificate that names no node' }
  if (manner === 'secret') return { kind: 'secret', id, key }
  if (tag === undefined || (ours !== undefined && tag !== ours))
    return { why: 'a certificate of another cluster' }
  return { kind: 'node', id, tag, key, serial }
}

/** What others have made may be anything. */
function readable<T>(read: () => T): T | MalformedError {
  try {
    return read()
  } catch (error) {
    if (error instanceof MalformedError) return error
    throw error
  }
}

/** Whether the first certificate of the chain does, by the clock of this machine. */
export function counts(chain: string): boolean {
  return countsNow(new X509Certificate(chain))
}

function countsNow({ validFrom, validTo }: X509Certificate): boolean {
  const now = Date.now()
  return Date.parse(validFrom) <= now && now <= Date.parse(validTo)
}

function reasonOf(socket: TLSSocket): string {
  const reason: unknown = socket.authorizationError
  const code = typeof reason === 'string' ? reason : (reason as { code?: string } | undefined)?.code
  return `certificate refused: ${code ?? 'untrusted'}`
}

function publicKeyOf(authority: string) {
  return new X509Certificate(authority).publicKey
}
