import { fields, flag, text, texts } from '../../base/shape.ts'
import { fromUtf8, utf8 } from '../../base/utf8.ts'

/** What a member says of itself in the bytes that gossip carries without looking. */
export interface MemberMeta {
  readonly dc: string
  readonly version: string
  readonly roles: readonly string[]
  /** It belongs to a cluster that had its init. */
  readonly initialised: boolean
}

/** Roles beyond these few would not fit the 256 bytes; the log has them all. */
const rolesShown = 8

export function encodeMeta(meta: MemberMeta): Uint8Array {
  const roles = meta.roles.slice(0, rolesShown).map(r => r.slice(0, 16))
  return utf8(
    JSON.stringify({
      d: meta.dc.slice(0, 63),
      v: meta.version.slice(0, 20),
      r: roles,
      i: meta.initialised,
    }),
  )
}

/** Nonsense reads as nothing known: it is decoration, never a reason to drop a member. */
export function decodeMeta(bytes: Uint8Array): MemberMeta {
  try {
    const from = fields(JSON.parse(fromUtf8(bytes)))
    return {
      dc: text(from, 'd'),
      version: text(from, 'v'),
      roles: texts(from, 'r'),
      initialised: flag(from, 'i'),
    }
  } catch {
    return { dc: '', version: '', roles: [], initialised: false }
  }
}
