import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MalformedError } from '../../../src/base/bytes.ts'
import { decode, integer, oid, sequence, time } from '../../../src/net/security/der.ts'
import { newSecret, secretAuthority, secretGossipKey } from '../../../src/net/security/secret.ts'
import {
  inspect,
  issue,
  issued,
  keyFingerprint,
  makeRequest,
  newAuthority,
  newKey,
  readRequest,
} from '../../../src/net/security/x509.ts'

const day = 86_400_000
const now = Date.UTC(2026, 10, 21)
const authority = newAuthority({
  name: 'hive prod',
  notBefore: now - day,
  notAfter: now + 3650 * day,
  serial: Buffer.alloc(16, 1),
})
const key = newKey()

const subject = (more: object = {}) => ({
  publicKey: readRequest(makeRequest(key, 'n1')).publicKey,
  name: 'n1',
  uris: [
    'hive:node:01980000-0000-7000-8000-000000000001',
    'hive:cluster:01980000-0000-7000-8000-00000000000f',
  ],
  hosts: ['127.0.0.1', '::1', 'fe80::1:2', 'n1.node.hive'],
  notBefore: now - day,
  notAfter: now + 30 * day,
  serial: Buffer.alloc(16, 0xff),
  ...more,
})

describe('certificates', () => {
  test('say what was asked for, and read back the same', () => {
    const certificate = issue(authority, subject())
    expect(inspect(certificate)).toEqual({
      name: 'n1',
      uris: subject().uris,
      notBefore: now - day,
      notAfter: now + 30 * day,
      serial: '7fffffffffffffffffffffffffffffff',
      key: keyFingerprint(key),
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    const read = new X509Certificate(certificate)
    expect(read.ca).toBe(false)
    expect(read.checkIP('fe80:0:0:0:0:0:1:2')).toBeDefined()
    expect(read.checkHost('n1.node.hive')).toBeDefined()
    expect(read.checkHost('n2.node.hive')).toBeUndefined()
    expect(issued(authority.certificate, certificate)).toBe(true)
    expect(new X509Certificate(authority.certificate).ca).toBe(true)
  })

  test('stand before the strictest rules of OpenSSL, and so do requests', () => {
    const folder = mkdtempSync(join(tmpdir(), 'hive-x509-'))
    const path = (name: string, text: string) => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const ca = path('ca.pem', authority.certificate)
    const leaf = path('leaf.pem', issue(authority, subject()))
    const request = path('request.pem', makeRequest(key, 'n1'))
    const openssl = (...args: string[]) =>
      execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' })
    expect(
      openssl('verify', '-x509_strict', '-attime', String(now / 1000), '-CAfile', ca, leaf),
    ).toMatch(/: OK/)
    expect(() => openssl('req', '-in', request, '-verify', '-noout')).not.toThrow()
    rmSync(folder, { recursive: true })
  })

  test('are not issued with a key that is not the authority that is named', () => {
    expect(() => issue({ ...authority, key: newKey() }, subject())).toThrow(/another key/)
  })

  test('a name cannot smuggle another identity in', () => {
    const sly = issue(authority, subject({ hosts: ['x, URI:hive:node:evil'], name: 'x\nCN=evil' }))
    expect(inspect(sly).uris).toEqual(subject().uris)
  })
})

describe('requests', () => {
  test('prove the key, whatever they say of names', () => {
    expect(readRequest(makeRequest(key, 'anything')).key).toBe(keyFingerprint(key))
  })

  test('that are bent, cut or not ours throw MalformedError and nothing else', () => {
    const der = Buffer.from(makeRequest(key, 'n1').split('\n').slice(1, -2).join(''), 'base64')
    const wrapped = (bytes: Uint8Array) =>
      `-----BEGIN CERTIFICATE REQUEST-----\n${
        Buffer.from(bytes)
          .toString('base64')
          .match(/.{1,64}/g)
          ?.join('\n') ?? ''
      }\n-----END CERTIFICATE REQUEST-----\n`
    expect(readRequest(wrapped(der)).key).toBe(keyFingerprint(key))
    const refused = (bytes: Uint8Array) =>
      expect(() => readRequest(wrapped(bytes))).toThrow(MalformedError)
    for (let at = 0; at < der.length; at++) {
      const bent = Buffer.from(der)
      bent[at]! ^= 0x04
      refused(bent)
      refused(der.subarray(0, at))
    }
    for (const text of [
      '',
      'x',
      '-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n',
      'x'.repeat(5000),
      authority.certificate,
    ]) {
      expect(() => readRequest(text)).toThrow(MalformedError)
    }
  })

  test('random bytes harm nobody', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        const text = `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(bytes).toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
        expect(() => readRequest(text)).toThrow(MalformedError)
        try {
          decode(Buffer.from(bytes))
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedError)
        }
      }),
    )
  })
})

describe('DER', () => {
  test.each([
    [oid('1.2.840.10045.4.3.2'), '06082a8648ce3d040302'],
    [integer(Buffer.from([0, 0, 0x7f])), '02017f'],
    [integer(Buffer.from([0x80])), '02020080'],
    [sequence(), '3000'],
    [
      time(Date.UTC(2049, 11, 31, 23, 59, 59)),
      `170d${Buffer.from('491231235959Z').toString('hex')}`,
    ],
    [time(Date.UTC(2050, 0, 1)), `180f${Buffer.from('20500101000000Z').toString('hex')}`],
  ])('%#', (bytes, hex) => {
    expect(bytes.toString('hex')).toBe(hex)
  })

  test('long lengths come back, and longer forms than needed are refused', () => {
    for (const size of [0, 127, 128, 255, 256, 70_000]) {
      const [value] = decode(sequence(Buffer.alloc(size)))
      expect(value!.content).toHaveLength(size)
    }
    for (const bad of ['308100', '30820001', '3080', '3085000000000100', '30']) {
      expect(() => decode(Buffer.from(bad, 'hex'))).toThrow(MalformedError)
    }
  })
})

describe('the secret', () => {
  test('makes the same authority and key for everybody, and others from another secret', () => {
    const [one, other] = [newSecret(), newSecret()]
    const prints = [one, one, other].map(secret => keyFingerprint(secretAuthority(secret).key))
    expect(prints[0]).toBe(prints[1])
    expect(prints[0]).not.toBe(prints[2])
    expect(secretGossipKey(one)).toEqual(secretGossipKey(one))
    expect(secretGossipKey(one)).not.toEqual(secretGossipKey(other))
    expect(secretGossipKey(one)).toHaveLength(32)
  })

  /** What is derived must never change, or nodes of two builds would not meet. */
  test('is what it was', () => {
    const secret = Buffer.alloc(32, 7).toString('base64url')
    expect(keyFingerprint(secretAuthority(secret).key)).toMatchInlineSnapshot(
      `"5a95fc0895c550ee4b57d1a07bd7ec14eaf574acb75070ebb7cbd4efed26794c"`,
    )
    expect(Buffer.from(secretGossipKey(secret)).toString('hex')).toMatchInlineSnapshot(
      `"54c8b03382138ee9d8f1b4bf160202edc540fa71930b4f5b197e423567a12f9f"`,
    )
  })
})
