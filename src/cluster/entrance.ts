import type { ErrorCode } from '../base/errors.ts'
import type { EpochMillis } from '../base/time.ts'
import type { NodeDescription } from '../state/events.ts'
import { joinsNeedApproval } from '../state/settings.ts'
import { deadToken, type Trouble, tokenTrouble, wrongToken } from '../state/tokens.ts'
import type { ClusterRecord, JoinRequest, NodeRecord, TokenRecord } from '../state/types.ts'
import { admission, type RoleNeeds } from './admission.ts'

/**
 * Who is let in: what a joiner proves and shows, held against what is agreed. Asked by the leader before it commits
 * anything, so whoever is refused leaves no trace.
 */
export interface Wish {
  readonly node: NodeDescription
  /** It belonged to the cluster in an epoch that is over. */
  readonly returning: boolean
  /** By its connection to the node that it asked; `nothing`: nodes prove nothing here. */
  readonly proved: 'nothing' | 'anonymous' | 'secret' | 'node'
  /** With the hash of the secret that it showed. */
  readonly token?: { readonly id: string; readonly hash: string }
  /** That of the cluster when it asked, as far as the node knew that it asked; absent: a build that does not say. */
  readonly epoch?: number
  /** Why it is not who it says, as far as keys tell. */
  readonly keyObjection?: string
}

/** What is agreed. */
export interface House {
  readonly cluster: Pick<ClusterRecord, 'version' | 'settings' | 'epoch'>
  readonly nodes: ReadonlyMap<string, NodeRecord>
  readonly tokens: ReadonlyMap<string, TokenRecord>
  readonly joinRequests: ReadonlyMap<string, JoinRequest>
  readonly roles: RoleNeeds
  readonly wall: EpochMillis
}

export type Entrance =
  /** It is in: it only has to be told. */
  | { readonly outcome: 'welcome' }
  | { readonly outcome: 'admit'; readonly node: NodeDescription; readonly token?: string }
  /** For an operator. */
  | { readonly outcome: 'wait'; readonly node: NodeDescription; readonly token?: string }
  | {
      readonly outcome: 'refuse'
      readonly code: ErrorCode
      readonly message: string
      readonly remedy: string
    }

export function entrance(wish: Wish, house: House): Entrance {
  const { node } = wish
  const before = house.nodes.get(node.id)
  if (wish.returning && !before) {
    return refuse(
      'UNKNOWN_NODE',
      `${node.name} was removed from the cluster while it was away`,
      'hive join ADDR on it, if it is to come back',
    )
  }
  if (wish.keyObjection !== undefined) return anotherKey(wish.keyObjection)
  const shown = wish.token && house.tokens.get(wish.token.id)
  if (wish.token && shown?.hash !== wish.token.hash) return troubled(wrongToken)
  if (wish.proved === 'anonymous' && !shown) {
    return refuse('UNTRUSTED', `${node.name} shows no token`, 'have one made: hive token create')
  }
  if (before) return known(wish, before, shown, house)
  if (wish.epoch !== undefined && wish.epoch < house.cluster.epoch) return late(wish, house)
  const asked = house.joinRequests.get(node.id)
  if (asked && asked.node.key !== node.key)
    return anotherKey(`${node.name} asked to be let in with another key before`)
  if (asked?.refused) return troubled(refusedByOperator(asked))
  const since = asked && asked.token === shown?.id ? asked.since : house.wall
  const trouble = shown && tokenTrouble(shown, node.name, since)
  if (trouble) return troubled(trouble)
  const given = shown?.use.kind === 'join' ? shown.use.roles : []
  const fresh = { ...node, roles: [...new Set([...node.roles, ...given])] }
  const objection = objectionTo(fresh, house)
  if (objection) return objection
  const outcome = joinsNeedApproval(house.cluster.settings) ? 'wait' : 'admit'
  return { outcome, node: fresh, ...(shown && { token: shown.id }) }
}

/** An operator says that it may come: only what the cluster itself forbids counts now. */
export function admitted({ node, token }: JoinRequest, house: House): Entrance {
  const shown = token === undefined ? undefined : house.tokens.get(token)
  return objectionTo(node, house) ?? { outcome: 'admit', node, ...(shown && { token: shown.id }) }
}

/** For whoever looks at the status of a control node. */
export function requestNotices(requests: ReadonlyMap<string, JoinRequest>): readonly string[] {
  const names = [...requests.values()].filter(r => !r.refused).map(r => r.node.name)
  if (names.length === 0) return []
  const who =
    names.length > 4
      ? `${names.slice(0, 4).join(', ')} and ${names.length - 4} more`
      : names.join(', ')
  return [`${who} ${names.length > 1 ? 'wait' : 'waits'} to be let in; see hive join-requests`]
}

/** It is in the cluster already: it comes back, or never heard that it was let in. */
function known(
  { node, proved }: Wish,
  before: NodeRecord,
  shown: TokenRecord | undefined,
  house: House,
): Entrance {
  if (proved === 'anonymous') {
    // Its proof is its key; a token only has to say that it may ask, and the one that let it in does.
    if (before.key === undefined || before.key !== node.key)
      return anotherKey(`the id of ${before.name} belongs to another key`)
    const trouble = shown && before.token !== shown.id && deadToken(shown, house.wall)
    if (trouble) return troubled(trouble)
  }
  if (before.name === node.name && before.phase !== 'leaving') return { outcome: 'welcome' }
  return objectionTo(node, house) ?? { outcome: 'admit', node }
}

/** Whether it came and left again meanwhile is forgotten: what is still asked may be an earlier life's question. */
function late({ node, epoch }: Wish, { cluster }: House): Entrance {
  return refuse(
    'BUSY',
    `${node.name} asked in epoch ${epoch}, and it is ${cluster.epoch} by now`,
    'it asks again by itself',
  )
}

function objectionTo(node: NodeDescription, house: House): Entrance | undefined {
  const verdict = admission(house.nodes, node, house.roles, house.cluster.version)
  return verdict.ok ? undefined : refuse(verdict.code, verdict.message, verdict.remedy)
}

function refusedByOperator({ node, refused }: JoinRequest): Trouble {
  const reason = refused?.reason ? `: ${refused.reason}` : ''
  return {
    code: 'JOIN_REFUSED',
    message: `an operator refused ${node.name}${reason}`,
    remedy: `an operator can still let it in: hive admit ${node.name}, on a node of the cluster`,
  }
}

function anotherKey(message: string): Entrance {
  return refuse(
    'IDENTITY_MISMATCH',
    message,
    'a node that lost its key comes back as a new one: hive reset',
  )
}

function troubled({ code, message, remedy }: Trouble): Entrance {
  return refuse(code, message, remedy)
}

function refuse(code: ErrorCode, message: string, remedy: string): Entrance {
  return { outcome: 'refuse', code, message, remedy }
}
