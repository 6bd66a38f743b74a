import { createHash, timingSafeEqual } from 'node:crypto'
import { OperatorError } from '../../base/errors.ts'

/**
 * Tokens as text. A join token says whom the joiner may believe before it says a word: the authority whose
 * fingerprint it carries. The cluster keeps the hash of the secret alone, so none can be shown again.
 */
export interface JoinToken {
  /** Of the cluster. */
  readonly tag: string
  /** SHA-256 of the authority's certificate, hexadecimal. */
  readonly ca: string
  readonly id: string
  /** 32 bytes, base64url. */
  readonly secret: string
}

const joinPrefix = 'hive1.'
const apiPrefix = 'hive1api.'
/** Of `joinTokenText`, with room for a longer one. */
const longest = 1024

/** What a new token is made of; `random` is the notary's. */
export function newToken(random: (bytes: number) => Uint8Array): {
  readonly id: string
  readonly secret: string
} {
  return {
    id: Buffer.from(random(6)).toString('hex'),
    secret: Buffer.from(random(32)).toString('base64url'),
  }
}

/** What the cluster keeps of a secret, hexadecimal. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** In constant time: how much of it was right is nobody's business. */
export function sameHash(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a), Buffer.from(b)]
  return one.length === other.length && timingSafeEqual(one, other)
}

export function joinTokenText({ tag, ca, id, secret }: JoinToken): string {
  return (
    joinPrefix + Buffer.from(JSON.stringify({ v: 1, tag, ca, id, secret })).toString('base64url')
  )
}

/** Throws OperatorError TOKEN_WRONG, which never quotes it. */
export function parseJoinToken(text: string): JoinToken {
  const trimmed = text.trim()
  if (trimmed.startsWith(apiPrefix)) throw malformed('is a token for the API, not for joining')
  if (!trimmed.startsWith(joinPrefix)) throw malformed(`does not begin with ${joinPrefix}`)
  if (trimmed.length > longest) throw malformed('is too long')
  const from = contentOf(trimmed.slice(joinPrefix.length))
  if (from.v !== 1) throw malformed('is of a newer hive')
  const { tag, ca, id, secret } = from
  if (typeof tag !== 'string' || !/^[0-9a-f-]{36}$/.test(tag)) throw malformed('is damaged')
  if (typeof ca !== 'string' || !/^[0-9a-f]{64}$/.test(ca)) throw malformed('is damaged')
  if (typeof id !== 'string' || !isTokenId(id)) throw malformed('is damaged')
  if (typeof secret !== 'string' || !isSecret(secret)) throw malformed('is damaged')
  return { tag, ca, id, secret }
}

export function apiTokenText(id: string, secret: string): string {
  return `${apiPrefix}${id}.${secret}`
}

/** Undefined: it is no token for the API. */
export function parseApiToken(
  text: string,
): { readonly id: string; readonly secret: string } | undefined {
  if (!text.startsWith(apiPrefix) || text.length > longest) return undefined
  const [id = '', secret = '', ...more] = text.slice(apiPrefix.length).split('.')
  return more.length === 0 && isTokenId(id) && isSecret(secret) ? { id, secret } : undefined
}

export function isTokenId(text: string): boolean {
  return /^[0-9a-f]{12}$/.test(text)
}

function isSecret(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text)
}

function contentOf(text: string): Record<string, unknown> {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) throw malformed('is damaged')
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Cut off, or never one.
  }
  throw malformed('is damaged')
}

function malformed(how: string): OperatorError {
  return new OperatorError(
    'TOKEN_WRONG',
    `what was given as a token ${how}`,
    'copy the whole line that hive token create printed',
  )
}
