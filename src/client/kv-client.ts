import { kvLimits } from '../api/types.ts'
import { OperatorError } from '../base/errors.ts'
import type { Millis } from '../base/time.ts'
import { type AgentClient, queryOf } from './agent-client.ts'

/** The key-value store, in the shapes of Consul's `/v1/kv`. Every function rejects with OperatorError. */

const timeout: Millis = 20_000

export interface KvItem {
  readonly key: string
  readonly value: Buffer
  readonly flags: number
  readonly createIndex: number
  readonly modifyIndex: number
}

/** How fresh: linearizable unless said otherwise. */
export interface Freshness {
  readonly stale?: boolean
  readonly consistent?: boolean
}

interface WireItem {
  readonly Key: string
  readonly Value: string | null
  readonly Flags: number
  readonly CreateIndex: number
  readonly ModifyIndex: number
}

/** Rejects with NOT_FOUND when there is no such key. */
export async function kvGet(agent: AgentClient, key: string, fresh: Freshness): Promise<KvItem> {
  const answer = await agent.send(
    { method: 'GET', path: kvPath(key, { ...fresh }), timeout },
    [404],
  )
  const item = answer.status === 404 ? undefined : agent.parse<WireItem[]>(answer)[0]
  if (!item)
    throw new OperatorError(
      'NOT_FOUND',
      `there is no key "${key}"`,
      'list the keys with: hive kv list',
    )
  return itemOf(item)
}

/** All below `prefix`, by key. */
export async function kvList(
  agent: AgentClient,
  prefix: string,
  fresh: Freshness,
): Promise<KvItem[]> {
  const path = kvPath(prefix, { recurse: true, ...fresh })
  const answer = await agent.send({ method: 'GET', path, timeout }, [404])
  return answer.status === 404 ? [] : agent.parse<WireItem[]>(answer).map(itemOf)
}

/** Keys below `prefix`, cut after the first `separator` that follows it. */
export async function kvKeys(
  agent: AgentClient,
  prefix: string,
  separator: string | undefined,
  fresh: Freshness,
): Promise<string[]> {
  const path = kvPath(prefix, { keys: true, separator, ...fresh })
  const answer = await agent.send({ method: 'GET', path, timeout }, [404])
  return answer.status === 404 ? [] : agent.parse<string[]>(answer)
}

/** `cas` 0: only if absent; other: only if the key's ModifyIndex is that. Rejects with CAS_FAILED, TOO_LARGE. */
export async function kvPut(
  agent: AgentClient,
  put: { key: string; value: Buffer; flags?: number | undefined; cas?: number | undefined },
): Promise<void> {
  if (put.value.length > kvLimits.valueBytes)
    throw valueTooLarge(`a value of ${put.value.length} bytes`)
  const path = kvPath(put.key, { cas: put.cas, flags: put.flags })
  const headers = { 'content-type': 'application/octet-stream' }
  const answer = await agent.send({ method: 'PUT', path, headers, body: put.value, timeout })
  if (agent.parse(answer) !== true) throw casFailed(put.key, put.cas)
}

/** Harmless when the key is not there. Rejects with CAS_FAILED. */
export async function kvDelete(
  agent: AgentClient,
  drop: { key: string; recurse: boolean; cas?: number | undefined },
): Promise<void> {
  const path = kvPath(drop.key, { recurse: drop.recurse, cas: drop.cas })
  const answer = await agent.send({ method: 'DELETE', path, timeout })
  if (agent.parse(answer) !== true) throw casFailed(drop.key, drop.cas)
}

export function valueTooLarge(what: string): OperatorError {
  return new OperatorError(
    'TOO_LARGE',
    `${what} is too large: at most ${kvLimits.valueBytes} bytes (512 KiB) fit in a key`,
    'keep large things elsewhere and put their address here',
  )
}

function casFailed(key: string, cas: number | undefined): OperatorError {
  const wanted = cas === 0 ? 'the key exists' : `its ModifyIndex is no longer ${cas}`
  return new OperatorError(
    'CAS_FAILED',
    `"${key}" was left as it is: ${wanted}`,
    `look at it with: hive kv get ${key} --json`,
  )
}

function kvPath(
  key: string,
  params: Record<string, string | number | boolean | undefined>,
): string {
  if (key === '' && !params.recurse && !params.keys)
    throw new OperatorError('BAD_REQUEST', 'a key has at least one character', 'name the key')
  return `/v1/kv/${key.split('/').map(encodeURIComponent).join('/')}${queryOf(params)}`
}

function itemOf(wire: WireItem): KvItem {
  return {
    key: wire.Key,
    value: Buffer.from(wire.Value ?? '', 'base64'),
    flags: wire.Flags,
    createIndex: wire.CreateIndex,
    modifyIndex: wire.ModifyIndex,
  }
}
