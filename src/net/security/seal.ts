import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'

/**
 * Secrets at rest in the agreed state: AES-256-GCM (NIST SP 800-38D) under a control key, as text
 * `id of the key.nonce.sealed`, bound to what it is for, so that none can be taken for another.
 */
export interface ControlKey {
  /** First 16 digits of its SHA-256. */
  readonly id: string
  readonly key: Uint8Array
}

const nonceBytes = 12
const tagBytes = 16

export function controlKey(key: Uint8Array): ControlKey {
  return { id: createHash('sha256').update(key).digest('hex').slice(0, 16), key }
}

/** `nonce`: 12 random bytes, never used again. */
export function seal(
  under: ControlKey,
  nonce: Uint8Array,
  plain: Uint8Array,
  what: string,
): string {
  const cipher = createCipheriv('aes-256-gcm', under.key, nonce)
  cipher.setAAD(Buffer.from(what))
  const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  return `${under.id}.${Buffer.from(nonce).toString('base64url')}.${sealed.toString('base64url')}`
}

/** Under which key a text is sealed. */
export function sealedUnder(text: string): string {
  return text.split('.', 1)[0]!
}

/** Undefined: sealed under another key, for another purpose, or damaged. */
export function unseal(
  keys: readonly ControlKey[],
  text: string,
  what: string,
): Uint8Array | undefined {
  const [id, nonce = '', body = ''] = text.split('.')
  const under = keys.find(key => key.id === id)
  const [iv, sealed] = [nonce, body].map(part => Buffer.from(part, 'base64url'))
  if (!under || iv!.length !== nonceBytes || sealed!.length < tagBytes) return undefined
  const cipher = createDecipheriv('aes-256-gcm', under.key, iv!)
  cipher.setAAD(Buffer.from(what))
  cipher.setAuthTag(sealed!.subarray(-tagBytes))
  try {
    return Buffer.concat([cipher.update(sealed!.subarray(0, -tagBytes)), cipher.final()])
  } catch {
    return undefined
  }
}
