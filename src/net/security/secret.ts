import { createECDH, createPrivateKey, hkdfSync, randomBytes } from 'node:crypto'
import { type Authority, newAuthority, pemOf } from './x509.ts'

/**
 * The cluster's secret: what nodes share before there is a cluster with an authority of its own. HKDF-SHA256
 * (RFC 5869) makes of it the key of an authority and the key of gossip, so that neither tells of the other.
 */

/** 32 bytes from the system's own dice, base64url. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** Whoever holds the secret makes the same authority: its certificates prove that, and nothing else. */
export function secretAuthority(secret: string): Authority {
  const key = p256Key(derive(secret, 'hive secret authority v1', 48))
  const [notBefore, notAfter] = secretValidity
  return newAuthority(
    { name: 'hive secret', notBefore, notAfter, serial: Buffer.alloc(16, 1) },
    key,
  )
}

/** A secret does not age, so what proves it does not either; nodes whose clocks are wrong still meet. */
export const secretValidity = [Date.UTC(2000, 0, 1), Date.UTC(9999, 11, 31)] as const

/** AES-256 key under which zombies gossip. */
export function secretGossipKey(secret: string): Uint8Array {
  return derive(secret, 'hive gossip v1', 32)
}

function derive(secret: string, info: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'base64url'), 'hive', info, bytes))
}

/** Order of P-256 (FIPS 186-5; SEC 2 §2.4.2). */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** FIPS 186-5 §A.2.1: 384 bits modulo the order are as good as even. */
function p256Key(seed: Buffer): string {
  const scalar = (BigInt(`0x${seed.toString('hex')}`) % (order - 1n)) + 1n
  const d = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex')
  const curve = createECDH('prime256v1')
  curve.setPrivateKey(d)
  const point = curve.getPublicKey()
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map(b => b.toString('base64url'))
  const jwk = { kty: 'EC', crv: 'P-256', d: d.toString('base64url'), x: x!, y: y! }
  return pemOf(createPrivateKey({ key: jwk, format: 'jwk' }))
}
