import { createHash } from 'node:crypto'
import { MalformedError } from '../../src/base/bytes.ts'
import type { Random } from '../../src/base/random.ts'
import { fromUtf8, utf8 } from '../../src/base/utf8.ts'
import type { Notary } from '../../src/net/security/notary.ts'
import type { Authority, Certified, Subject } from '../../src/net/security/x509.ts'

/**
 * Keys and certificates without cryptography, so that a seed is a run: a key is a text that only its owner has, and
 * a certificate names the keys of its owner and of who signed it. Nobody forges in here; what is tested is who
 * is believed when.
 */
interface Paper extends Certified {
  readonly issuer: string
}

export function simulatedNotary(dice: Random): Notary {
  const random = (bytes: number) => Uint8Array.from({ length: bytes }, () => dice.below(256))
  const hex = (bytes: number) => Buffer.from(random(bytes)).toString('hex')
  const newKey = () => `key ${hex(16)}`
  // The same few are asked about all the time.
  const known = new Map<string, Paper>()

  function inspect(chain: string): Paper {
    const before = known.get(chain)
    if (before !== undefined) return before
    const paper = readPaper(chain)
    known.set(chain, paper)
    return paper
  }

  function certify(about: Omit<Subject, 'hosts'>, issuer: string): string {
    const body = {
      name: about.name,
      uris: about.uris,
      notBefore: about.notBefore,
      notAfter: about.notAfter,
      serial: Buffer.from(about.serial).toString('hex'),
      key: fromUtf8(about.publicKey),
      issuer,
    }
    return `${JSON.stringify({ ...body, fingerprint: digest(JSON.stringify(body)) })}\n`
  }

  function authority(about: Omit<Subject, 'publicKey' | 'uris' | 'hosts'>, key: string): Authority {
    const publicKey = utf8(digest(key))
    return { key, certificate: certify({ ...about, publicKey, uris: [] }, digest(key)) }
  }

  return {
    random,
    newKey,
    fingerprint: digest,
    request: (key, name) => JSON.stringify({ name, key: digest(key) }),
    readRequest(text) {
      const { key } = JSON.parse(text) as { key: string }
      return { publicKey: utf8(key), key }
    },
    newAuthority: about => authority(about, newKey()),
    secretAuthority: secret =>
      authority(
        { name: 'secret', notBefore: 0, notAfter: Number.MAX_SAFE_INTEGER, serial: utf8('0') },
        `key of ${secret}`,
      ),
    issue: ({ key }, subject) => certify(subject, digest(key)),
    inspect,
    issued: (issuer, certificate) => inspect(certificate).issuer === inspect(issuer).key,
  }
}

/** The first certificate of a chain. */
export function readPaper(chain: string): Paper {
  try {
    return JSON.parse(chain.split('\n', 1)[0]!) as Paper
  } catch {
    throw new MalformedError('not a certificate')
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
