import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
  X509Certificate,
} from 'node:crypto'
import { isIP } from 'node:net'
import { MalformedError } from '../../base/bytes.ts'
import {
  bits,
  decode,
  encode,
  explicit,
  implicit,
  integer,
  oid,
  parts,
  sequence,
  tag,
  time,
} from './der.ts'

/**
 * Certificates (RFC 5280) and requests for them (RFC 2986) over P-256, no more of either than hive needs. OpenSSL
 * signs, verifies and reads; only the bytes in between are laid out here, because the libraries for it cost every
 * agent 23 MB and answer with promises, which the simulator cannot replay.
 */

/** Somebody who says who somebody is. */
export interface Authority {
  /** PEM. */
  readonly certificate: string
  /** PKCS#8, PEM. */
  readonly key: string
}

/** What an authority says of a key. */
export interface Subject {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array
  /** For people. */
  readonly name: string
  readonly uris: readonly string[]
  /** Names and addresses by which others may dial it. */
  readonly hosts: readonly string[]
  /** Epoch ms, both. */
  readonly notBefore: number
  readonly notAfter: number
  /** 16 random bytes. */
  readonly serial: Uint8Array
}

/** What a certificate says. */
export interface Certified {
  readonly name: string
  readonly uris: readonly string[]
  readonly notBefore: number
  readonly notAfter: number
  /** Hexadecimal. */
  readonly serial: string
  /** SHA-256 of the public key, hexadecimal: the node's identity. */
  readonly key: string
  /** SHA-256 of the certificate, hexadecimal. */
  readonly fingerprint: string
}

const ids = {
  ecdsaSha256: sequence(oid('1.2.840.10045.4.3.2')),
  commonName: oid('2.5.4.3'),
  subjectKeyId: oid('2.5.29.14'),
  keyUsage: oid('2.5.29.15'),
  subjectAltName: oid('2.5.29.17'),
  basicConstraints: oid('2.5.29.19'),
  authorityKeyId: oid('2.5.29.35'),
  extendedKeyUsage: oid('2.5.29.37'),
  serverAuth: oid('1.3.6.1.5.5.7.3.1'),
  clientAuth: oid('1.3.6.1.5.5.7.3.2'),
}
const yes = encode(tag.boolean, Buffer.from([0xff]))
const digitalSignature = bits(Buffer.from([0x80]), 7)
const signsOthers = bits(Buffer.from([0x06]), 1)

/** A private key, PKCS#8 in PEM. */
export function newKey(): string {
  return pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
}

export function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** SHA-256 of the public half, hexadecimal. */
export function keyFingerprint(key: string): string {
  return sha256(publicHalf(key))
}

/** An authority's own certificate; its path ends with those it certifies. */
export function newAuthority(
  about: Omit<Subject, 'publicKey' | 'uris' | 'hosts'>,
  key = newKey(),
): Authority {
  const publicKey = publicHalf(key)
  const extensions = [
    extension(ids.basicConstraints, sequence(yes, integer(Buffer.from([0]))), 'critical'),
    extension(ids.keyUsage, signsOthers, 'critical'),
    extension(ids.subjectKeyId, encode(tag.octets, keyId(publicKey))),
  ]
  const subject = { ...about, publicKey, uris: [], hosts: [] }
  return { key, certificate: certify(subject, { name: about.name, key }, extensions) }
}

/** A certificate for both ends of a TLS connection, PEM. */
export function issue(authority: Authority, subject: Subject): string {
  const issuer = new X509Certificate(authority.certificate)
  const extensions = [
    extension(ids.basicConstraints, sequence(), 'critical'),
    extension(ids.keyUsage, digitalSignature, 'critical'),
    extension(ids.extendedKeyUsage, sequence(ids.serverAuth, ids.clientAuth)),
    extension(ids.subjectKeyId, encode(tag.octets, keyId(subject.publicKey))),
    extension(ids.authorityKeyId, sequence(implicit(0, keyId(spki(issuer.publicKey))))),
    extension(ids.subjectAltName, sequence(...alternatives(subject))),
  ]
  const made = certify(subject, { name: commonName(issuer), key: authority.key }, extensions)
  if (!new X509Certificate(made).verify(issuer.publicKey))
    throw new Error('the authority has another key than its certificate')
  return made
}

/** PKCS#10, PEM: proof that whoever asks has the key. */
export function makeRequest(key: string, name: string): string {
  const info = sequence(integer(Buffer.from([0])), nameOf(name), publicHalf(key), encode(0xa0))
  return pem('CERTIFICATE REQUEST', sequence(info, ids.ecdsaSha256, bits(signed(info, key))))
}

/** The key that asks, if it does prove itself. Nothing else of what a request says is believed. Throws MalformedError. */
export function readRequest(text: string): {
  readonly publicKey: Uint8Array
  readonly key: string
} {
  if (text.length > 4096) throw new MalformedError('a certificate request over 4096 characters')
  const match =
    /^-----BEGIN CERTIFICATE REQUEST-----\n([A-Za-z0-9+/=\n]+)-----END CERTIFICATE REQUEST-----\s*$/.exec(
      text,
    )
  if (!match) throw new MalformedError('not a certificate request')
  const [request, ...more] = decode(Buffer.from(match[1]!, 'base64'))
  const [info, algorithm, signature] = parts(request)
  const publicKey = parts(info)[2]?.whole
  if (more.length > 0 || !publicKey || !signature || !algorithm?.whole.equals(ids.ecdsaSha256)) {
    throw new MalformedError('not a request that hive makes')
  }
  if (signature.kind !== tag.bits || signature.content[0] !== 0)
    throw new MalformedError('a signature that is none')
  let proved = false
  try {
    const key = createPublicKey({ key: publicKey, format: 'der', type: 'spki' })
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') {
      proved = verify('sha256', info!.whole, key, signature.content.subarray(1))
    }
  } catch {
    throw new MalformedError('a request with a key that is none')
  }
  if (!proved) throw new MalformedError('a request not signed by its own P-256 key')
  return { publicKey: Buffer.from(publicKey), key: sha256(publicKey) }
}

/** Throws MalformedError. */
export function inspect(certificate: string | X509Certificate): Certified {
  const read = typeof certificate === 'string' ? parse(certificate) : certificate
  return {
    name: commonName(read),
    uris: [...(read.subjectAltName ?? '').matchAll(/(?:^|, )URI:(hive:[a-z0-9:-]+)/g)].map(
      m => m[1]!,
    ),
    notBefore: Date.parse(read.validFrom),
    notAfter: Date.parse(read.validTo),
    serial: read.serialNumber.toLowerCase(),
    key: sha256(spki(read.publicKey)),
    fingerprint: sha256(read.raw),
  }
}

/** Did the owner of that authority's certificate sign this one? */
export function issued(authority: string, certificate: string): boolean {
  return parse(certificate).verify(parse(authority).publicKey)
}

function parse(certificate: string): X509Certificate {
  try {
    return new X509Certificate(certificate)
  } catch {
    throw new MalformedError('not a certificate')
  }
}

function certify(
  subject: Subject,
  issuer: { readonly name: string; readonly key: string },
  extensions: readonly Buffer[],
): string {
  const serial = Buffer.from(subject.serial)
  serial[0]! &= 0x7f
  serial[0]! |= 0x40
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(serial),
    ids.ecdsaSha256,
    nameOf(issuer.name),
    sequence(time(subject.notBefore), time(subject.notAfter)),
    nameOf(subject.name),
    Buffer.from(subject.publicKey),
    explicit(3, sequence(...extensions)),
  )
  return pem('CERTIFICATE', sequence(body, ids.ecdsaSha256, bits(signed(body, issuer.key))))
}

function alternatives({ uris, hosts }: Subject): Buffer[] {
  const names = hosts.map(host => {
    const kind = isIP(host)
    if (kind === 0) return implicit(2, Buffer.from(host, 'latin1'))
    return implicit(7, kind === 4 ? Buffer.from(host.split('.').map(Number)) : ipv6(host))
  })
  return [...uris.map(uri => implicit(6, Buffer.from(uri, 'latin1'))), ...names]
}

function ipv6(host: string): Buffer {
  const [head = '', tail] = host
    .replace(/%.*$/, '')
    .replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...n) =>
      [0, 2].map(i => (Number(n[i]) * 256 + Number(n[i + 1])).toString(16)).join(':'),
    )
    .split('::')
  const groups = (text: string) =>
    text === '' ? [] : text.split(':').map(g => Number.parseInt(g, 16))
  const before = groups(head)
  const after = tail === undefined ? [] : groups(tail)
  const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after]
  return Buffer.from(all.flatMap(group => [group >> 8, group & 0xff]))
}

function extension(id: Buffer, content: Buffer, critical?: 'critical'): Buffer {
  return sequence(id, ...(critical ? [yes] : []), encode(tag.octets, content))
}

function nameOf(name: string): Buffer {
  return sequence(encode(tag.set, sequence(ids.commonName, encode(tag.utf8, Buffer.from(name)))))
}

function commonName(certificate: X509Certificate): string {
  return /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? ''
}

function signed(body: Buffer, key: string): Buffer {
  return sign('sha256', body, createPrivateKey(key))
}

function publicHalf(key: string): Buffer {
  return spki(createPublicKey(createPrivateKey(key)))
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}

/** RFC 5280 §4.2.1.2 leaves the method open: RFC 7093 §2, the first 160 bits of a SHA-256. */
function keyId(publicKey: Uint8Array): Buffer {
  return createHash('sha256').update(publicKey).digest().subarray(0, 20)
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function pem(label: string, der: Buffer): string {
  const lines = der
    .toString('base64')
    .match(/.{1,64}/g)!
    .join('\n')
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}
