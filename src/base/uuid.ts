import type { Random } from './random.ts'
import type { EpochMillis } from './time.ts'

/** UUIDv7 (RFC 9562 §5.7): 48 bits of time, so that ids made later sort later, then chance. */
export function uuidv7(wall: EpochMillis, random: Random): string {
  const time = Math.floor(wall).toString(16).padStart(12, '0').slice(-12)
  const dice = (digits: number) =>
    random
      .below(16 ** digits)
      .toString(16)
      .padStart(digits, '0')
  const variant = (8 + random.below(4)).toString(16)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${dice(3)}-${variant}${dice(3)}-${dice(6)}${dice(6)}`
}

/**
 * UUIDv8 (RFC 9562 §5.8): the same under another version. Whoever proves nothing comes under one of these, so that it
 * can never be mistaken for a node.
 */
export function aliasId(wall: EpochMillis, random: Random): string {
  const id = uuidv7(wall, random)
  return `${id.slice(0, 14)}8${id.slice(15)}`
}

export function isAlias(id: string): boolean {
  return id[14] === '8' && isUuid(id)
}

export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text)
}

/** The 16 bytes of a UUID, as codecs write it. */
export function uuidBytes(text: string): Uint8Array {
  const hex = text.replaceAll('-', '')
  const out = new Uint8Array(16)
  for (let i = 0; i < 16; i++) out[i] = Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16)
  return out
}

export function uuidFromBytes(bytes: Uint8Array): string {
  let hex = ''
  for (let i = 0; i < 16; i++) hex += (bytes[i] ?? 0).toString(16).padStart(2, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
