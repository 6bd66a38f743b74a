import { createHash, X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { MalformedError } from '../../base/bytes.ts'
import type { PeerIdentity } from '../types.ts'
import { type Credentials, isCertified, type Manner, named } from './credentials.ts'
import { inspect } from './x509.ts'

/** What the other end has proved when TLS is through with its part; a text: why it is nobody to us. */
export function proved(
  socket: TLSSocket,
  manner: Manner,
  credentials: Credentials,
): PeerIdentity | string {
  if (manner === 'token') return { kind: 'anonymous' }
  const certificate = socket.getPeerX509Certificate()
  if (!certificate) return 'no certificate'
  const proof = credentials[manner]
  const isOurs = proof?.authorities.some(a => certificate.verify(publicKeyOf(a))) ?? false
  if (!socket.authorized) return isOurs && !countsNow(certificate) ? outOfTime : reasonOf(socket)
  // OpenSSL has checked the path; that it ends at one of ours must not hang on how contexts are switched.
  if (!isOurs) return 'certificate of another authority'
  return identityOf(certificate, isCertified(manner) ? 'member' : 'secret', credentials.member?.tag)
}

/** The joiner's side: the other end is vouched for by the authority that the token names. */
export function provedByToken(
  socket: TLSSocket,
  credentials: Credentials,
): PeerIdentity | typeof foreign | string {
  const certificate = socket.getPeerX509Certificate()
  const authority = certificate?.issuerCertificate
  if (!certificate || !authority) return 'no certificate'
  const fingerprint = createHash('sha256').update(authority.raw).digest('hex')
  if (fingerprint !== credentials.token?.authority) return foreign
  if (!authority.ca || !certificate.verify(authority.publicKey))
    return 'certificate of another authority'
  if (!countsNow(certificate)) return outOfTime
  return identityOf(certificate, 'member', undefined)
}

/** The certificate is of an authority of ours, and has run out or not begun. Its owner may hear so; nobody else hears a word. */
export const outOfTime = 'its certificate does not count now, by the clock of this end'

/** The other end is of another cluster than that of the token. */
export const foreign = 'foreign'

function identityOf(
  certificate: X509Certificate,
  manner: 'member' | 'secret',
  ours: string | undefined,
): PeerIdentity | string {
  try {
    const certified = inspect(certificate)
    const { id, tag } = named(certified)
    const { key, serial } = certified
    if (id === undefined) return 'a certificate that names no node'
    if (manner === 'secret') return { kind: 'secret', id, key }
    if (tag === undefined || (ours !== undefined && tag !== ours))
      return 'a certificate of another cluster'
    return { kind: 'node', id, tag, key, serial }
  } catch (error) {
    if (error instanceof MalformedError) return error.message
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
