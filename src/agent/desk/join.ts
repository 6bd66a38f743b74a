import type { JoinRequestReport } from '../../api/token-types.ts'
import { MalformedError } from '../../base/bytes.ts'
import { type ErrorCode, OperatorError } from '../../base/errors.ts'
import { type Fields, fields, flag, optionalCount, optionalText, text } from '../../base/shape.ts'
import { admitted, type Entrance, entrance, type House, type Wish } from '../../cluster/entrance.ts'
import type { Answer } from '../../net/link-types.ts'
import type { JoinRequest } from '../../state/types.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import { type Methods, type PeerRequest, refusal } from '../requests.ts'
import { description } from './description.ts'
import { asSettledLeader, type DeskParts, outcomeOf } from './desk.ts'

/** Who comes in: the second validation of whoever asks, and what operators say about those who wait. */
export function joinDesk(
  parts: DeskParts,
  /** Tells a node that it is in, with a certificate where it asks for one. */
  digest: (plane: ControlPlane, id: string, answer: Answer, request?: string) => void,
): Methods {
  const houseOf = (plane: ControlPlane): House | undefined => {
    const { cluster, nodes, tokens, joinRequests } = plane.state
    const { roles, clock } = parts
    return cluster ? { cluster, nodes, tokens, joinRequests, roles, wall: clock.wall() } : undefined
  }

  function carryOut(
    plane: ControlPlane,
    verdict: Exclude<Entrance, { outcome: 'refuse' }>,
    asker: { readonly id: string; readonly name: string; readonly request: string | undefined },
    answer: Answer,
  ): void {
    const { id, name, request } = asker
    if (verdict.outcome === 'welcome') return digest(plane, id, answer, request)
    const { node, token } = verdict
    const data = { node, ...(token !== undefined && { token }) }
    const actor = `node:${name}`
    if (verdict.outcome === 'admit') {
      parts.trace.info({ node: name, id, token }, 'admitting a node')
      return plane.propose({ type: 'NodeAdmitted', data, actor }, outcome =>
        outcome.ok ? digest(plane, id, answer, request) : answer(outcomeOf(outcome)),
      )
    }
    const waits = () => answer(waiting(name))
    const before = plane.state.joinRequests.get(id)
    if (before && sameRequest(before, data)) return waits()
    parts.trace.info({ node: name, id }, 'a node asks to be let in and waits for an operator')
    plane.propose({ type: 'JoinRequested', data, actor }, outcome =>
      outcome.ok ? waits() : answer(outcomeOf(outcome)),
    )
  }

  return {
    join: asSettledLeader(parts, ({ body, answer }, plane) => {
      const house = houseOf(plane)
      if (!house) return answer(refusal('NOT_INITIALISED', 'the cluster has had no init yet'))
      const wish = readWish(body)
      const { node } = wish
      const request = optionalText(body, 'request', 4096)
      const keyObjection = parts.keyObjection(node, house.nodes.get(node.id), request)
      const verdict = entrance({ ...wish, ...(keyObjection && { keyObjection }) }, house)
      if (verdict.outcome === 'refuse') {
        const no = refusal(verdict.code, verdict.message, verdict.remedy)
        parts.refusedJoin(node, no)
        return answer(no)
      }
      // Who is nobody without a certificate is in when it has one, and asks again until then.
      const whole: Answer =
        wish.proved === 'anonymous' ? outcome => answer(certifiedOnly(outcome)) : answer
      carryOut(plane, verdict, { id: node.id, name: node.name, request }, whole)
    }),

    'join-requests': asSettledLeader(parts, ({ answer }, plane) => {
      answer({ ok: true, body: [...plane.state.joinRequests.values()].map(reportRequest) })
    }),

    'join-admit': asSettledLeader(parts, ({ body, answer }, plane) => {
      const house = houseOf(plane)!
      const wanted = text(body, 'node')
      const isIn = flag(body, 'again') ? letIn(plane, wanted) : undefined
      if (isIn) return answer({ ok: true, body: reportRequest(isIn) })
      const asked = findRequest(plane, wanted)
      const verdict = admitted(asked, house)
      if (verdict.outcome === 'refuse')
        return answer(refusal(verdict.code, verdict.message, verdict.remedy))
      if (verdict.outcome !== 'admit') return
      const { node, token } = verdict
      const data = { node, ...(token !== undefined && { token }) }
      plane.propose({ type: 'NodeAdmitted', data, actor: text(body, 'actor') }, outcome =>
        answer(outcome.ok ? { ok: true, body: reportRequest(asked) } : outcomeOf(outcome)),
      )
    }),

    'join-refuse': asSettledLeader(parts, ({ body, answer }, plane) => {
      const asked = findRequest(plane, text(body, 'node'))
      const data = { id: asked.node.id, reason: text(body, 'reason', 500) }
      plane.propose({ type: 'JoinRefused', data, actor: text(body, 'actor') }, outcome => {
        const now = plane.state.joinRequests.get(asked.node.id) ?? asked
        answer(outcome.ok ? { ok: true, body: reportRequest(now) } : outcomeOf(outcome))
      })
    }),
  }
}

/** What the node asked passes on of a joiner that asked it, in that epoch; of a token, the hash of its secret. */
export function joinBody(
  { body, identity }: PeerRequest,
  token: { readonly id: string; readonly hash: string } | undefined,
  epoch: number,
): Record<string, unknown> {
  return {
    node: body.node,
    returning: body.returning,
    request: body.request,
    proved: identity?.kind ?? 'nothing',
    epoch,
    ...(token && { token }),
  }
}

function readWish(body: Fields): Wish {
  const proved = optionalText(body, 'proved', 16) ?? 'nothing'
  if (proved !== 'nothing' && proved !== 'anonymous' && proved !== 'secret' && proved !== 'node')
    throw new MalformedError('proved must be nothing, anonymous, secret or node')
  const shown = body.token === undefined ? undefined : fields(body.token, 'token')
  const epoch = optionalCount(body, 'epoch')
  return {
    node: description(fields(body.node, 'node')),
    returning: flag(body, 'returning'),
    proved,
    ...(epoch !== undefined && { epoch }),
    ...(shown && { token: { id: text(shown, 'id', 64), hash: text(shown, 'hash', 64) } }),
  }
}

function certifiedOnly(outcome: Parameters<Answer>[0]): Parameters<Answer>[0] {
  if (!outcome.ok || (outcome.body as { certified?: unknown } | null)?.certified !== undefined)
    return outcome
  return refusal('BUSY', 'it is admitted, and the leader cannot certify it yet', 'it asks again')
}

function waiting(name: string) {
  const code: ErrorCode = 'AWAITS_APPROVAL'
  return refusal(
    code,
    `${name} waits until an operator lets it in`,
    `on a node of the cluster: hive admit ${name}, or hive refuse ${name}`,
  )
}

function sameRequest(
  { node, token }: JoinRequest,
  data: { readonly node: JoinRequest['node']; readonly token?: string },
): boolean {
  // Each boot has another incarnation, and that alone is no news to anybody.
  const plain = (n: JoinRequest['node']) => JSON.stringify({ ...n, incarnation: 0 })
  return token === data.token && plain(node) === plain(data.node)
}

/** By name, id, or the beginning of one. */
function findRequest(plane: ControlPlane, wanted: string): JoinRequest {
  const all = [...plane.state.joinRequests.values()]
  const named = all.filter(r => r.node.name === wanted || r.node.id === wanted)
  const found = named.length > 0 ? named : all.filter(r => r.node.id.startsWith(wanted))
  const [one] = found
  if (one && found.length === 1) return one
  const message = one
    ? `${found.length} nodes that ask to be let in are called ${wanted}`
    : `nobody called ${wanted} asks to be let in`
  const ids = found.map(r => r.node.id).join(', ')
  throw new OperatorError(
    'NOT_FOUND',
    message,
    one ? `give one of the ids: ${ids}` : 'see hive join-requests for those who do',
  )
}

/** As it asked, of a node that is in by now. */
function letIn({ state }: ControlPlane, wanted: string): JoinRequest | undefined {
  const record = state.nodeByName(wanted) ?? state.nodes.get(wanted)
  if (!record) return undefined
  const { token, admittedAt: requestedAt } = record
  const node = { ...record, roles: record.roles.map(role => role.name) }
  return {
    node,
    requestedAt,
    since: state.time,
    refused: null,
    ...(token !== undefined && { token }),
  }
}

function reportRequest({ node, token, since, refused }: JoinRequest): JoinRequestReport {
  const { id, name, address, key, roles, dc, version } = node
  const host = address.host.includes(':') ? `[${address.host}]` : address.host
  return {
    ...{ id, name, address: `${host}:${address.port}`, key: key ?? null, roles, dc, version },
    ...{ token: token ?? null, since },
    state: refused ? 'refused' : 'waits',
    reason: refused?.reason ?? '',
    by: refused?.by ?? null,
  }
}
