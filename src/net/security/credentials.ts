import type { Certified } from './x509.ts'

/**
 * What a node can prove about itself, and whose word it takes about others. Read anew at each handshake, so that a
 * new certificate or authority counts from the next connection on.
 */
export interface Credentials {
  /** A member of a cluster with its own authority. */
  readonly member?: Proof & { readonly tag: string }
  /** The same by the oldest authority that still counts, as it knows itself by that. */
  readonly former?: Proof & { readonly tag: string }
  /** A holder of the cluster's secret. */
  readonly secret?: Proof
  /** A joiner with a token: proves nothing, and wants an end that this authority vouches for. */
  readonly token?: { readonly authority: string }
}

export interface Proof {
  /** The node's certificate and that of its authority, PEM. */
  readonly chain: string
  /** PKCS#8, PEM. */
  readonly key: string
  /** Certificates of the authorities that count, PEM. */
  readonly authorities: readonly string[]
}

/** As what a dialler comes; it says so in the name that it asks for (RFC 6066 §3). */
export type Manner = 'member' | 'former' | 'secret' | 'token'

export const manners: readonly Manner[] = ['member', 'former', 'secret', 'token']

export const nameOf = (manner: Manner): string => `${manner}.hive`

/**
 * The ways in which a node with these credentials can introduce itself, best first. `counts`: its certificate does, by
 * its own clock; the other end says only when the dial is over that it does not.
 */
export function mannersOf(credentials: Credentials, counts: boolean): readonly Manner[] {
  const possible = manners.filter(manner => credentials[manner] !== undefined)
  if (counts) return possible
  return [...possible.filter(m => !isCertified(m)), ...possible.filter(isCertified)]
}

/** By a certificate of the cluster, at both ends. */
export const isCertified = (manner: Manner): boolean => manner === 'member' || manner === 'former'

export const nodeUri = (id: string): string => `hive:node:${id}`
export const clusterUri = (tag: string): string => `hive:cluster:${tag}`

/** Id and tag that a certificate names; undefined where it names none. */
export function named({ uris }: Pick<Certified, 'uris'>): {
  readonly id?: string
  readonly tag?: string
} {
  const find = (prefix: string) => uris.find(uri => uri.startsWith(prefix))?.slice(prefix.length)
  const id = find('hive:node:')
  const tag = find('hive:cluster:')
  return { ...(id !== undefined && { id }), ...(tag !== undefined && { tag }) }
}
