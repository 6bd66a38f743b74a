import { MalformedError } from '../../base/bytes.ts'
import { count, fields, list, text } from '../../base/shape.ts'
import type { Notary } from '../../net/security/notary.ts'

/**
 * What a node proves itself with, and the secrets that its cluster trusts it with. Kept apart from all other
 * facts, in a file of its own that nobody else can read.
 */
export interface Identity {
  /** The node's private key: made at its first boot, and its identity from then on. */
  readonly key: string
  /** The cluster's word for it. */
  readonly member?: {
    readonly tag: string
    /** PEM. */
    readonly certificate: string
    /** Certificates of the authorities that are believed, oldest first, PEM. */
    readonly authorities: readonly string[]
    /** One of the oldest of them that this node had a certificate of: who was away since then knows it by no other. PEM. */
    readonly former?: string
  }
  /** Of control nodes: what the secrets in the agreed state are sealed with. Base64url, newest last. */
  readonly control?: readonly string[]
  readonly gossip?: StoredRing
  /** A join token that an operator gave it, until it is in. */
  readonly token?: string
}

/** As `Keyring`, with keys in base64url. */
export interface StoredRing {
  readonly primary: number
  readonly keys: readonly { readonly id: number; readonly key: string }[]
}

/** Where it is kept: a file, or the simulator's disk. */
export interface IdentityStore {
  /** Undefined: there is none yet. Throws OperatorError when it is damaged or not to be read. */
  read(): Identity | undefined
  /** Durable on return; throws OperatorError STORAGE. */
  write(identity: Identity): void
}

/** More than any node holds at a time. */
const most = { authorities: 16, control: 16, gossip: 16 }
const textLimit = 8192
/** Of gossip, and of control nodes. */
const keyBytes = 32

/** Throws MalformedError. */
export function parseIdentity(json: string): Identity {
  const raw = fields(parsed(json), 'identity')
  const key = text(raw, 'key', textLimit)
  const control =
    raw.control === undefined ? undefined : texts(raw.control, 'control', most.control)
  return {
    key,
    ...(raw.member !== undefined && { member: memberOf(raw.member) }),
    ...(control && { control }),
    ...(raw.gossip !== undefined && { gossip: ringOf(raw.gossip) }),
    ...(raw.token !== undefined && { token: text(raw, 'token', 1024) }),
  }
}

/** Whether its keys are keys and its certificates certificates; throws whatever it is that is wrong. */
export function checkIdentity(notary: Notary, { key, member, control, gossip }: Identity): void {
  notary.fingerprint(key)
  const { certificate, authorities = [], former } = member ?? {}
  for (const one of [certificate, former, ...authorities])
    if (one !== undefined) notary.inspect(one)
  for (const one of [
    ...(control ?? []),
    ...(gossip?.keys ?? []).filter(k => k.id !== 0).map(k => k.key),
  ])
    if (Buffer.from(one, 'base64url').length !== keyBytes) throw new MalformedError('a key is cut')
}

/** From a file, or from a control node. Throws MalformedError. */
export function ringOf(value: unknown): StoredRing {
  const raw = fields(value, 'gossip')
  const keys = list(raw, 'keys', most.gossip).map(one => {
    const item = fields(one, 'key')
    return { id: count(item, 'id'), key: text(item, 'key', 64) }
  })
  return { primary: count(raw, 'primary'), keys }
}

function memberOf(value: unknown): NonNullable<Identity['member']> {
  const raw = fields(value, 'member')
  return {
    tag: text(raw, 'tag', 36),
    certificate: text(raw, 'certificate', textLimit),
    authorities: texts(raw.authorities, 'authorities', most.authorities),
    ...(raw.former !== undefined && { former: text(raw, 'former', textLimit) }),
  }
}

function texts(value: unknown, key: string, limit: number): readonly string[] {
  if (
    !Array.isArray(value) ||
    value.length > limit ||
    value.some(one => typeof one !== 'string' || one.length > textLimit)
  ) {
    throw new MalformedError(`${key} must be a list of texts`)
  }
  return value as string[]
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    throw new MalformedError('not JSON')
  }
}
