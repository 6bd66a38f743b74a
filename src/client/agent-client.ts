import { hostname, userInfo } from 'node:os'
import type { DoctorReport } from '../api/doctor-types.ts'
import type { JoinRequestReport, NewToken, TokenReport, TokenWish } from '../api/token-types.ts'
import type { CaReport, KeysReport } from '../api/trust-types.ts'
import type {
  Backend,
  ControlAnswer,
  DrainProgress,
  ErrorBody,
  InitAnswer,
  JoinAnswer,
  RecoveryAnswer,
  RecoveryPlan,
  RoleReport,
  SettingReport,
  SnapshotList,
  StatusReport,
  WhyReport,
} from '../api/types.ts'
import { OperatorError } from '../base/errors.ts'
import type { Millis } from '../base/time.ts'
import { type Door, describeDoor, isDevSocket } from './door.ts'
import { type Answer, type Exchange, exchange, Nobody, nobodyBehind, stranger } from './http.ts'

/** A question that the agent answers from what it knows or one round of the quorum. */
const quick: Millis = 15_000
/** A change that may have to wait for other nodes: init, leave, promote. */
const patient: Millis = 120_000
/** New voters have to get the whole log. */
const rescuePatience: Millis = 180_000
/** On top of what the agent was asked to wait for. */
const grace: Millis = 15_000

/** hive's own API, typed. Every method rejects with OperatorError. */
export class AgentClient {
  #doors: readonly Door[]
  readonly #actor: string

  constructor(doors: readonly Door[], actor = localActor()) {
    this.#doors = doors
    this.#actor = actor
  }

  status(): Promise<StatusReport> {
    return this.#json('GET', '/v1/hive/status')
  }

  init(request: {
    name?: string
    control?: readonly string[]
    approve?: boolean
  }): Promise<InitAnswer> {
    return this.#json('POST', '/v1/hive/init', request, patient)
  }

  join(request: { address: string; token?: string }): Promise<JoinAnswer> {
    return this.#json('POST', '/v1/hive/join', request, patient)
  }

  drain(request: DrainRequest): Promise<DrainProgress> {
    return this.#json('POST', '/v1/hive/drain', request, patient)
  }

  /** Answers at the next change after `index`, or after `wait` with what there is. */
  drainProgress(node: string, index: number, wait: Millis): Promise<DrainProgress> {
    const path = `/v1/hive/drain/${encodeURIComponent(node)}?index=${index}&wait=${wait}`
    return this.#json('GET', path, undefined, wait + grace)
  }

  assignRoles(node: string, roles: readonly string[]): Promise<{ seq: number | null }> {
    return this.#json('POST', '/v1/hive/roles/assign', { node, roles })
  }

  unassignRoles(node: string, roles: readonly string[]): Promise<{ seq: number }> {
    return this.#json('POST', '/v1/hive/roles/unassign', { node, roles })
  }

  roles(): Promise<readonly RoleReport[]> {
    return this.#json('GET', '/v1/hive/roles')
  }

  log(query: LogQuery): Promise<LogPage> {
    const path = `/v1/hive/log${queryOf({ ...query })}`
    return this.#json('GET', path, undefined, (query.wait ?? 0) + grace)
  }

  /** `node`: another one, that cannot say it itself. */
  leave(request: { node?: string; force: boolean }): Promise<{ left: true; advice?: string }> {
    return this.#json('POST', '/v1/hive/leave', request, patient)
  }

  reset(): Promise<{ setAside: string }> {
    return this.#json('POST', '/v1/hive/reset', {}, patient)
  }

  promote(request: { node: string; observer: boolean; force: boolean }): Promise<ControlAnswer> {
    return this.#json('POST', '/v1/hive/control/promote', request, patient)
  }

  demote(request: { node: string; force: boolean }): Promise<ControlAnswer> {
    return this.#json('POST', '/v1/hive/control/demote', request, patient)
  }

  doctor(node?: string): Promise<DoctorReport> {
    return this.#json('GET', `/v1/hive/doctor${queryOf({ node })}`, undefined, patient)
  }

  why(question: { about: string; name?: string }): Promise<WhyReport> {
    return this.#json('GET', `/v1/hive/why${queryOf(question)}`)
  }

  recoverPlan(voters?: readonly string[]): Promise<RecoveryPlan> {
    const named = voters && voters.length > 0 ? voters.join(',') : undefined
    return this.#json('GET', `/v1/hive/recover${queryOf({ voters: named })}`, undefined, patient)
  }

  recoverApply(request: {
    name: string
    reason: string
    voters?: readonly string[]
  }): Promise<RecoveryAnswer> {
    return this.#json('POST', '/v1/hive/recover/apply', request, rescuePatience)
  }

  recoverYield(): Promise<{ setAside: string }> {
    return this.#json('POST', '/v1/hive/recover/yield', {}, patient)
  }

  settings(): Promise<readonly SettingReport[]> {
    return this.#json('GET', '/v1/hive/settings')
  }

  changeSettings(settings: Readonly<Record<string, string>>): Promise<{ seq: number }> {
    return this.#json('POST', '/v1/hive/settings', { settings })
  }

  snapshots(): Promise<SnapshotList> {
    return this.#json('GET', '/v1/hive/snapshots')
  }

  ca(): Promise<CaReport> {
    return this.#json('GET', '/v1/hive/ca')
  }

  rotateCa(): Promise<CaReport> {
    return this.#json('POST', '/v1/hive/ca/rotate', {}, patient)
  }

  keys(): Promise<KeysReport> {
    return this.#json('GET', '/v1/hive/keys')
  }

  rotateKeys(): Promise<KeysReport> {
    return this.#json('POST', '/v1/hive/keys/rotate', {})
  }

  tokens(): Promise<readonly TokenReport[]> {
    return this.#json('GET', '/v1/hive/tokens')
  }

  createToken(wish: TokenWish): Promise<NewToken> {
    return this.#json('POST', '/v1/hive/tokens', wish)
  }

  /** `id`: or its beginning. */
  revokeToken(id: string): Promise<{ id: string }> {
    return this.#json('POST', '/v1/hive/tokens/revoke', { id })
  }

  joinRequests(): Promise<readonly JoinRequestReport[]> {
    return this.#json('GET', '/v1/hive/join-requests')
  }

  admitNode(node: string): Promise<JoinRequestReport> {
    return this.#json('POST', '/v1/hive/join-requests/admit', { node })
  }

  refuseNode(node: string, reason: string): Promise<JoinRequestReport> {
    return this.#json('POST', '/v1/hive/join-requests/refuse', { node, reason })
  }

  async #json<T>(
    method: Exchange['method'],
    path: string,
    body?: unknown,
    timeout = quick,
  ): Promise<T> {
    const answer = await this.send({
      method,
      path,
      timeout,
      ...(body !== undefined && {
        body: Buffer.from(JSON.stringify(body)),
        headers: { 'content-type': 'application/json' },
      }),
    })
    return jsonOf(answer, this.#doors[0]!)
  }

  /**
   * One exchange with the first door behind which somebody listens; later requests stay there.
   * Rejects when the answer is an error, but for the statuses in `expected`.
   */
  async send(ask: Exchange, expected: readonly number[] = []): Promise<Answer> {
    const headers = { ...ask.headers, 'x-hive-actor': this.#actor }
    let forbidden: OperatorError | undefined
    for (const door of this.#doors) {
      try {
        const answer = await exchange(door, { ...ask, headers })
        this.#doors = [door]
        if (answer.status >= 300 && !expected.includes(answer.status)) throw refusal(answer, door)
        return answer
      } catch (error) {
        const another = this.#doors.length > 1
        if (another && error instanceof OperatorError && error.code === 'PERMISSION')
          forbidden ??= error
        else if (!(another && error instanceof Nobody)) throw error
      }
    }
    throw forbidden ?? nobodyAt(this.#doors)
  }

  /** The answer's JSON, of a door that was just asked. */
  parse<T>(answer: Answer): T {
    return jsonOf(answer, this.#doors[0]!)
  }
}

/** Sockets of a dev cluster in this folder are one place to somebody who reads it. */
function nobodyAt(doors: readonly Door[]): Nobody {
  if (doors.length === 1 && doors[0]!.kind === 'tcp') return nobodyBehind(doors[0]!)
  const places = new Set(doors.map(door => (isDevSocket(door) ? '.hive' : describeDoor(door))))
  const dev = doors.some(isDevSocket)
  const message = `no agent answers at ${[...places].join(', ')}`
  return dev
    ? new Nobody(message, 'start the cluster in .hive again with: hive dev')
    : new Nobody(message)
}

export type LogPage = Awaited<ReturnType<Backend['log']>>
export type LoggedEvent = LogPage['events'][number]

export interface DrainRequest {
  readonly node: string
  readonly cancel: boolean
  readonly dryRun: boolean
  readonly force: boolean
  /** From now; null: none. */
  readonly deadline: Millis | null
  readonly reason: string
}

export interface LogQuery {
  readonly from: number
  readonly limit: number
  readonly type?: string | undefined
  /** Of the page before, as it said. */
  readonly epoch?: number | undefined
  /** Wait so long for something new. */
  readonly wait?: Millis | undefined
}

/** `?a=1&b`: undefined and false are left out, true is a bare name. */
export function queryOf(params: Record<string, string | number | boolean | undefined>): string {
  const parts = Object.entries(params)
    .filter(([, value]) => value !== undefined && value !== false)
    .map(([key, value]) => (value === true ? key : `${key}=${encodeURIComponent(String(value))}`))
  return parts.length > 0 ? `?${parts.join('&')}` : ''
}

/** Who the event log will name; only what a header can carry. */
export function localActor(): string {
  let user = 'somebody'
  try {
    user = userInfo().username
  } catch {
    // A uid without a name, as containers have.
    user = `uid-${process.getuid?.() ?? 'unknown'}`
  }
  return `${user}@${hostname()}`.replace(/[^\x21-\x7e]/g, '_')
}

function jsonOf<T>(answer: Answer, door: Door): T {
  try {
    return JSON.parse(answer.body.toString()) as T
  } catch {
    throw stranger(door, 'its answer is not JSON')
  }
}

/** The error that the agent wrote, or what can be said of one that it did not. */
function refusal(answer: Answer, door: Door): OperatorError {
  const text = answer.body.toString()
  try {
    const { error } = JSON.parse(text) as ErrorBody
    if (typeof error.code === 'string' && typeof error.message === 'string') {
      return new OperatorError(error.code, error.message, error.remedy)
    }
  } catch {
    // Not JSON, or not of our shape: said below.
  }
  return stranger(door, `it answered HTTP ${answer.status}`)
}
