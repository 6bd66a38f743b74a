import { randomBytes } from 'node:crypto'
import { secretAuthority } from './secret.ts'
import * as x509 from './x509.ts'

/**
 * Keys and certificates, for those who need not know what they are made of: the system's own, and the
 * simulator's, whose keys come from its dice. Everything answers at once.
 */
export interface Notary {
  /** From the system's dice. */
  random(bytes: number): Uint8Array
  /** A private key, as text. */
  newKey(): string
  /** SHA-256 of the public half of a private key, hexadecimal. */
  fingerprint(key: string): string
  /** Proof that whoever asks has the key. */
  request(key: string, name: string): string
  /** Throws MalformedError. */
  readRequest(request: string): { readonly publicKey: Uint8Array; readonly key: string }
  newAuthority(about: Omit<x509.Subject, 'publicKey' | 'uris' | 'hosts'>): x509.Authority
  /** The same for everybody who holds the secret. */
  secretAuthority(secret: string): x509.Authority
  issue(authority: x509.Authority, subject: x509.Subject): string
  /** Throws MalformedError. */
  inspect(certificate: string): x509.Certified
  /** Is that certificate of that authority? */
  issued(authority: string, certificate: string): boolean
}

/** The system's. */
export function realNotary(): Notary {
  return {
    random: bytes => randomBytes(bytes),
    newKey: () => x509.newKey(),
    fingerprint: x509.keyFingerprint,
    request: x509.makeRequest,
    readRequest: x509.readRequest,
    newAuthority: about => x509.newAuthority(about),
    secretAuthority,
    issue: x509.issue,
    inspect: x509.inspect,
    issued: x509.issued,
  }
}
