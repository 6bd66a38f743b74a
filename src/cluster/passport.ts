import type { ErrorCode } from '../base/errors.ts'
import { isAlias } from '../base/uuid.ts'

/**
 * What a peer is to this node, by what it proved below its first byte and by what is agreed about it. Asked when it
 * says hello, and again at every message, so that who is removed is nobody from that event on.
 */
export interface Proven {
  readonly kind: 'anonymous' | 'secret' | 'node'
  readonly id?: string
  readonly tag?: string
  /** Fingerprint of the key that it has. */
  readonly key?: string
}

/** What this node knows of the peer and of itself. */
export interface Known {
  /** Tag of this node's cluster; undefined: a zombie. */
  readonly ours: string | undefined
  /** The peer in the logical topology; `key` undefined: not known yet. */
  readonly record: { readonly name: string; readonly key?: string } | undefined
  /** It was in the topology and is no more. */
  readonly removed: boolean
  /** This node is sure to know everybody: who is unknown to it is no member. */
  readonly certain: boolean
}

export type Standing =
  /** One of us: may say everything. */
  | { readonly as: 'member' }
  /** Outside; may ask to be let in. */
  | { readonly as: 'joiner' }
  | { readonly as: 'nobody'; readonly code: ErrorCode; readonly reason: string }

const member: Standing = { as: 'member' }
const joiner: Standing = { as: 'joiner' }

/** `proven` undefined: connections prove nothing here, and everybody is believed. */
export function standing(id: string, proven: Proven | undefined, known: Known): Standing {
  if (!proven) return member
  if (proven.kind !== 'anonymous' && proven.id !== id) {
    return nobody('IDENTITY_MISMATCH', 'what it proves is the identity of another node')
  }
  if (known.ours === undefined) {
    if (proven.kind === 'anonymous')
      return nobody('UNTRUSTED', 'it proves nothing, and there is no cluster yet')
    return member
  }
  const { record } = known
  if (record?.key !== undefined && record.key !== proven.key && proven.kind !== 'anonymous') {
    return nobody('IDENTITY_MISMATCH', `it has not the key of ${record.name}`)
  }
  switch (proven.kind) {
    case 'anonymous':
      return record || !isAlias(id)
        ? nobody(
            'IDENTITY_MISMATCH',
            `it proves nothing and claims to be ${record?.name ?? 'a node'}`,
          )
        : joiner
    case 'secret':
      return record ? member : joiner
    case 'node':
      return certified(proven, known)
  }
}

function certified({ tag }: Proven, { ours, record, removed, certain }: Known): Standing {
  if (tag !== ours) return nobody('TAG_MISMATCH', 'its certificate is of another cluster')
  if (record) return member
  if (removed) return nobody('REMOVED', 'it was removed from the cluster')
  return certain ? nobody('REMOVED', 'it is not in the cluster') : member
}

function nobody(code: ErrorCode, reason: string): Standing {
  return { as: 'nobody', code, reason }
}
