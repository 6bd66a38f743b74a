import { MalformedError } from '../base/bytes.ts'
import { type ErrorCode, errorCodes } from '../base/errors.ts'
import { fromUtf8, utf8 } from '../base/utf8.ts'
import { isUuid } from '../base/uuid.ts'
import type { Allegiance, Hello, Verdict } from './handshake.ts'
import { maxHandshakeBytes } from './limits.ts'

/**
 * The first frames of a stream, before any version is agreed. So their layout never changes: magic
 * `HIVE`, one byte of layout, JSON. Fields that are not known here are ignored, so that a newer build can
 * add some; each one that is known is checked, for these bytes come from strangers.
 */
export interface Greeting {
  readonly hello: Hello
  /** Made anew by each process: tells a second connection from a second life. 16 hex digits. */
  readonly session: string
}

/** A verdict and, from the end that was dialled, its own greeting. */
export interface Reply {
  readonly verdict: Verdict | Duplicate
  readonly greeting?: Greeting
}

/** The dialler found that there is a link already. */
export interface Duplicate {
  readonly outcome: 'duplicate'
}

const magic = [0x48, 0x49, 0x56, 0x45]
const layout = 1
const prefixBytes = magic.length + 1
const limits = { name: 255, text: 1024, list: 64, proofValue: 8192 } as const

export function encodeGreeting(greeting: Greeting): Uint8Array {
  return encodeJson(greeting)
}

export function decodeGreeting(bytes: Uint8Array): Greeting {
  return readGreeting(decodeJson(bytes))
}

export function encodeReply(reply: Reply): Uint8Array {
  return encodeJson({ ...reply.verdict, greeting: reply.greeting })
}

export function decodeReply(bytes: Uint8Array): Reply {
  const json = asRecord(decodeJson(bytes), 'verdict')
  const verdict = readVerdict(json)
  if (json.greeting === undefined) return { verdict }
  return { verdict, greeting: readGreeting(json.greeting) }
}

function encodeJson(value: unknown): Uint8Array {
  const json = utf8(JSON.stringify(value))
  const out = new Uint8Array(prefixBytes + json.length)
  out.set(magic)
  out[magic.length] = layout
  out.set(json, prefixBytes)
  return out
}

function decodeJson(bytes: Uint8Array): unknown {
  if (bytes.length > maxHandshakeBytes) throw new MalformedError('a handshake over its limit')
  if (!magic.every((byte, i) => bytes[i] === byte)) throw new MalformedError('not hive')
  if (bytes[magic.length] !== layout) throw new MalformedError('a handshake of another layout')
  try {
    return JSON.parse(fromUtf8(bytes.subarray(prefixBytes)))
  } catch {
    throw new MalformedError('a handshake that is not JSON')
  }
}

function readGreeting(value: unknown): Greeting {
  const json = asRecord(value, 'greeting')
  const session = text(json, 'session', 16)
  if (!/^[0-9a-f]{16}$/.test(session)) throw new MalformedError('session')
  return { session, hello: readHello(json.hello) }
}

function readHello(value: unknown): Hello {
  const json = asRecord(value, 'hello')
  const address = asRecord(json.address, 'address')
  const port = whole(address, 'port')
  if (port > 65535) throw new MalformedError('port')
  const hello: Hello = {
    protocolMin: whole(json, 'protocolMin'),
    protocolMax: whole(json, 'protocolMax'),
    version: text(json, 'version', limits.name),
    id: uuid(json, 'id'),
    name: text(json, 'name', limits.name),
    address: { host: text(address, 'host', limits.name), port },
    incarnation: whole(json, 'incarnation'),
    roles: list(json, 'roles'),
    dc: text(json, 'dc', limits.name),
    busy: flag(json, 'busy'),
    proof: proof(json),
  }
  if (hello.name === '') throw new MalformedError('name')
  if (json.allegiance === undefined) return hello
  return { ...hello, allegiance: readAllegiance(json.allegiance) }
}

function readAllegiance(value: unknown): Allegiance {
  const json = asRecord(value, 'allegiance')
  return {
    tag: uuid(json, 'tag'),
    clusterName: text(json, 'clusterName', limits.name),
    epoch: whole(json, 'epoch'),
    metaVersion: whole(json, 'metaVersion'),
    ...(json.lineage !== undefined && { lineage: whole(json, 'lineage') }),
    ...(json.seen !== undefined && { seen: whole(json, 'seen') }),
    ...(json.carries !== undefined && { carries: flag(json, 'carries') }),
  }
}

function readVerdict(json: Record<string, unknown>): Verdict | Duplicate {
  switch (json.outcome) {
    case 'welcome':
      return { outcome: 'welcome' }
    case 'duplicate':
      return { outcome: 'duplicate' }
    case 'busy':
      return { outcome: 'busy', reason: text(json, 'reason', limits.text) }
    case 'rejected':
      return {
        outcome: 'rejected',
        code: errorCode(json.code),
        reason: text(json, 'reason', limits.text),
      }
    default:
      throw new MalformedError('outcome')
  }
}

/** A code that a newer build has and this one lacks is still a refusal. */
export function errorCode(value: unknown): ErrorCode {
  if (typeof value !== 'string') throw new MalformedError('code')
  return Object.hasOwn(errorCodes, value) ? (value as ErrorCode) : 'REFUSED'
}

function asRecord(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MalformedError(what)
  }
  return value as Record<string, unknown>
}

function checkText(value: unknown, key: string, limit: number): string {
  if (typeof value !== 'string' || value.length > limit) throw new MalformedError(key)
  // It ends up on terminals and in traces: nothing in it may move a cursor.
  if (/\p{Cc}/u.test(value)) throw new MalformedError(`${key} with control characters`)
  return value
}

function text(json: Record<string, unknown>, key: string, limit: number): string {
  return checkText(json[key], key, limit)
}

function uuid(json: Record<string, unknown>, key: string): string {
  const value = json[key]
  if (typeof value !== 'string' || !isUuid(value)) throw new MalformedError(key)
  return value
}

function whole(json: Record<string, unknown>, key: string): number {
  const value = json[key]
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new MalformedError(key)
  return value as number
}

function flag(json: Record<string, unknown>, key: string): boolean {
  const value = json[key]
  if (typeof value !== 'boolean') throw new MalformedError(key)
  return value
}

function list(json: Record<string, unknown>, key: string): string[] {
  const value = json[key]
  if (!Array.isArray(value) || value.length > limits.list) throw new MalformedError(key)
  return value.map(item => checkText(item, key, limits.name))
}

function proof(json: Record<string, unknown>): Record<string, string> {
  const entries = Object.entries(asRecord(json.proof, 'proof'))
  if (entries.length > limits.list) throw new MalformedError('proof')
  return Object.fromEntries(
    entries.map(([key, value]) => [
      checkText(key, 'proof', limits.name),
      checkText(value, 'proof', limits.proofValue),
    ]),
  )
}
