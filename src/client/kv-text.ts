import { Flags } from '@oclif/core'
import type { Freshness, KvItem } from './kv-client.ts'

/** How fresh a read must be. */
export const freshness = {
  stale: Flags.boolean({
    description: 'Ask this agent only: also without a quorum, perhaps old.',
    exclusive: ['consistent'],
  }),
  consistent: Flags.boolean({ description: 'Confirm leadership for this very read.' }),
}

export function freshnessOf({ stale = false, consistent = false }: Freshness): Freshness {
  return { stale, consistent }
}

/** A key as `--json` shows it. */
export interface KvJson {
  readonly key: string
  readonly value: string
  readonly encoding: 'utf8' | 'base64'
  readonly flags: number
  readonly createIndex: number
  readonly modifyIndex: number
}

export function itemJson(item: KvItem): KvJson {
  const text = utf8Of(item.value)
  return {
    key: item.key,
    value: text ?? item.value.toString('base64'),
    encoding: text === undefined ? 'base64' : 'utf8',
    flags: item.flags,
    createIndex: item.createIndex,
    modifyIndex: item.modifyIndex,
  }
}

/** Undefined: the bytes are not text. */
export function utf8Of(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
