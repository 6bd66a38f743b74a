import type { EventData } from '../events.ts'
import type { Kv, KvRecord } from '../kv.ts'
import { utf8Length } from '../kv-key.ts'
import { holds, pack } from '../kv-value.ts'
import { stateLimits } from '../limits.ts'
import type { Outcome } from '../types.ts'

/**
 * Consul's rules for `/v1/kv`: `cas` 0 means "only if absent", else "only if ModifyIndex is this";
 * deleting what is not there succeeds, whatever index was expected; writing what is there already changes no index, so that nobody
 * is woken for nothing (agent/consul/state/kvs.go, kvsSetTxn, kvsDeleteCASTxn).
 */

export function put(kv: Kv, data: EventData['KvPut'], index: number): Outcome {
  const bad = badKey(data.key)
  if (bad !== undefined) return bad
  const limit = stateLimits.kvValueBytes
  if (data.value.length > limit) {
    return tooLarge(
      `the value of ${data.key} has ${data.value.length} bytes; the limit is ${limit}`,
    )
  }
  const old = kv.record(data.key)
  if (data.cas !== undefined && data.cas !== (old?.modifyIndex ?? 0)) return changed(old, data)
  if (old !== undefined && old.flags === data.flags && holds(old.packed, data.value)) {
    return { ok: true, index: old.modifyIndex }
  }
  kv.put({
    key: data.key,
    packed: pack(data.value),
    flags: data.flags,
    createIndex: old?.createIndex ?? index,
    modifyIndex: index,
    lockIndex: old?.lockIndex ?? 0,
  })
  return { ok: true, index }
}

export function remove(kv: Kv, data: EventData['KvDelete'], index: number): Outcome {
  if (data.recurse === true) {
    if (data.cas !== undefined) return badRequest('cas and recurse do not go together')
    const deleted = kv.deletePrefix(data.key, index)
    return { ok: true, index, value: { deleted } }
  }
  const bad = badKey(data.key)
  if (bad !== undefined) return bad
  const old = kv.record(data.key)
  if (old === undefined) return { ok: true, index }
  if (data.cas !== undefined && data.cas !== old.modifyIndex) return changed(old, data)
  kv.delete(data.key, index)
  return { ok: true, index }
}

function badKey(key: string): Outcome | undefined {
  if (key === '') return badRequest('the key is empty')
  const bytes = utf8Length(key)
  if (bytes < 0) return badRequest('the key is not well-formed Unicode')
  const limit = stateLimits.kvKeyBytes
  if (bytes > limit) return tooLarge(`the key has ${bytes} bytes; the limit is ${limit}`)
  return undefined
}

function changed(old: KvRecord | undefined, data: { key: string; cas?: number }): Outcome {
  const stands = old ? `has ModifyIndex ${old.modifyIndex}` : 'does not exist'
  const message = `${data.key} ${stands}; the cas index was ${data.cas}`
  return { ok: false, code: 'CAS_FAILED', message, remedy: 'read the key again, then retry' }
}

function badRequest(message: string): Outcome {
  return { ok: false, code: 'BAD_REQUEST', message }
}

function tooLarge(message: string): Outcome {
  return { ok: false, code: 'TOO_LARGE', message, remedy: 'store it elsewhere, and its place here' }
}
