import type { DoctorReport } from '../../src/api/doctor-types.ts'
import type { TokenWish } from '../../src/api/token-types.ts'
import type { Backend, KvQuery, RecoveryPlan, StatusReport } from '../../src/api/types.ts'
import { OperatorError } from '../../src/base/errors.ts'
import type { ServiceReport } from '../../src/base/service.ts'
import type { KvEntry } from '../../src/state/types.ts'

/** A backend of one process: a real little KV with indexes and waiting, and a record of every other call. */
const asked = {
  ...{ id: '01980000-0000-7000-8000-000000000004', name: 'n4', address: '127.0.0.1:4486' },
  ...{ key: null, roles: [], dc: 'dc1', version: '1.2.3', token: null, since: 5 },
  ...{ state: 'waits' as const, reason: '', by: null },
}

export class FakeBackend implements Backend {
  readonly calls: { method: string; request: unknown }[] = []
  readonly entries = new Map<string, KvEntry>()
  readonly registered: ServiceReport[] = []
  index = 10
  leaderKnown = true
  /** Thrown by the next call of anything but the KV. */
  failure: Error | undefined
  waiters = 0
  #wake = new Set<() => void>()

  status = () => this.#record('status', undefined, statusReport)
  init = (request: object) =>
    this.#record('init', request, {
      tag: 't',
      name: 'prod',
      control: ['n1'],
      why: '',
      join: 'hive join',
      repeated: false,
    })
  join = (request: object) =>
    this.#record('join', request, { state: 'joined', cluster: 'prod', detail: '' } as const)
  drain = (request: { node: string }) => this.#record('drain', request, drained(request.node))
  drainProgress = (request: { node: string }) =>
    this.#record('drainProgress', request, drained(request.node))
  snapshot = async (request: { stale: boolean }) => {
    await this.#record('snapshot', request, undefined)
    return { name: 'prod', index: 7, size: 6, pieces: pieces([1, 2, 3], [4, 5, 6]) }
  }
  snapshots = () =>
    this.#record('snapshots', undefined, {
      ...{
        node: 'n1',
        folder: '/d/backups',
        every: 21_600_000,
        keep: 7,
        next: null,
        failure: null,
      },
      snapshots: [],
    })
  restoreSnapshot = async ({ bytes, ...request }: Parameters<Backend['restoreSnapshot']>[0]) => {
    let keys = 0
    for await (const piece of bytes) keys += piece.length
    const answer = { index: 9, epoch: 2, keys, added: 1, changed: 0, removed: 0 }
    return this.#record('restoreSnapshot', request, answer)
  }
  assignRoles = (request: object) => this.#record('assignRoles', request, { seq: 7 })
  unassignRoles = (request: object) => this.#record('unassignRoles', request, { seq: 8 })
  roles = () => this.#record('roles', undefined, [])
  log = async (request: Parameters<Backend['log']>[0]) => {
    const { signal, ...rest } = request
    await this.#record('log', rest, undefined)
    if (request.wait) await this.#change(request.wait, signal)
    return { events: [], next: request.from }
  }
  leave = (request: object) => this.#record('leave', request, { left: true } as const)
  reset = (request: object) => this.#record('reset', request, { setAside: '/d/old' })
  promote = (request: object) => this.#record('promote', request, control)
  demote = (request: object) => this.#record('demote', request, control)
  doctor = (request: object) => this.#record('doctor', request, examination)
  why = (request: object) => this.#record('why', request, { ...whyReport })
  recoverPlan = (request: object) => this.#record('recoverPlan', request, recoveryPlan)
  recoverApply = (request: object) => this.#record('recoverApply', request, recovered)
  recoverYield = (request: object) => this.#record('recoverYield', request, { setAside: '/d/old' })
  settings = () => this.#record('settings', undefined, [])
  changeSettings = (request: object) => this.#record('changeSettings', request, { seq: 9 })
  registerService = (definition: object) => this.#record('registerService', definition, undefined)
  deregisterService = (id: string) => this.#record('deregisterService', id, undefined)
  services = () => this.#record('services', undefined, this.registered)
  reportCheck = (request: object) => this.#record('reportCheck', request, undefined)
  ca = () => this.#record('ca', undefined, { authorities: [], certificates: [] })
  rotateCa = (request: object) =>
    this.#record('rotateCa', request, { authorities: [], certificates: [] })
  keys = () => this.#record('keys', undefined, { primary: 1, keys: [], waitsFor: [] })
  rotateKeys = (request: object) =>
    this.#record('rotateKeys', request, { primary: 1, keys: [], waitsFor: [] })
  tokens = () => this.#record('tokens', undefined, [])
  createToken = (request: TokenWish & { readonly actor: string }) =>
    this.#record('createToken', request, {
      id: '4f0c00000001',
      token: 'hive1.example',
      expires: null,
      use: request.use,
    })
  revokeToken = (request: { id: string }) =>
    this.#record('revokeToken', request, { id: request.id })
  joinRequests = () => this.#record('joinRequests', undefined, [])
  admitNode = (request: object) => this.#record('admitNode', request, asked)
  refuseNode = (request: object) => this.#record('refuseNode', request, asked)
  leaderAddress = () => '127.0.0.1:4483'
  peerAddresses = () => ['127.0.0.1:4483', '127.0.0.1:4484']

  async kvRead(query: KvQuery) {
    if (query.index !== undefined && query.index >= this.index) {
      await this.#change(query.wait ?? 0, query.signal)
    }
    const entries = [...this.entries.values()]
      .filter(({ key }) => (query.recurse ? key.startsWith(query.key) : key === query.key))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
    return { entries, index: this.index, leaderKnown: this.leaderKnown }
  }

  async kvPut(request: Parameters<Backend['kvPut']>[0]) {
    const { key, value, flags, cas } = request
    this.calls.push({ method: 'kvPut', request: { ...request, value: value.length } })
    const before = this.entries.get(key)
    if (cas !== undefined && cas !== (before?.modifyIndex ?? 0)) {
      return { ok: false, index: this.index }
    }
    this.index++
    const createIndex = before?.createIndex ?? this.index
    this.entries.set(key, {
      key,
      value,
      flags,
      createIndex,
      modifyIndex: this.index,
      lockIndex: 0,
    })
    for (const wake of this.#wake) wake()
    return { ok: true, index: this.index }
  }

  async kvDelete(request: Parameters<Backend['kvDelete']>[0]) {
    this.calls.push({ method: 'kvDelete', request })
    const { key, recurse, cas } = request
    const before = this.entries.get(key)
    if (cas !== undefined && before && cas !== before.modifyIndex)
      return { ok: false, index: this.index }
    for (const name of [...this.entries.keys()]) {
      if (recurse ? name.startsWith(key) : name === key) this.entries.delete(name)
    }
    return { ok: true, index: ++this.index }
  }

  #change(wait: number, signal: AbortSignal | undefined): Promise<void> {
    this.waiters++
    return new Promise(resolve => {
      const done = () => {
        clearTimeout(timer)
        this.#wake.delete(done)
        this.waiters--
        resolve()
      }
      const timer = setTimeout(done, wait)
      this.#wake.add(done)
      signal?.addEventListener('abort', done, { once: true })
    })
  }

  async #record<T>(method: string, request: unknown, answer: T): Promise<T> {
    this.calls.push({ method, request })
    if (this.failure === undefined) return answer
    throw this.failure
  }
}

export function noQuorum(): OperatorError {
  return new OperatorError('NO_QUORUM', 'two of three are away', 'start n2 or n3')
}

export const examination: DoctorReport = {
  node: 'n1',
  verdict: 'warn',
  took: 1_600,
  checks: [
    { name: 'quorum', verdict: 'ok', figures: '3 of 3 voters reachable, 2 needed', cure: '' },
    {
      name: 'disk-sync',
      verdict: 'warn',
      figures: 'p50 12 ms, p99 48 ms, longest 60 ms of 64 fsyncs',
      cure: 'every write waits for this: a faster disk, or fewer others on it',
    },
    {
      name: 'tcp',
      verdict: 'ok',
      figures: 'n2: open both ways',
      cure: '',
      peers: [{ peer: 'n2', verdict: 'ok', figures: 'open both ways' }],
    },
    { name: 'seeds', verdict: 'skipped', figures: 'none configured', cure: '' },
  ],
}

export const recoveryPlan: RecoveryPlan = {
  cluster: 'prod',
  possible: true,
  why: '1 of 3 voters answer, 2 are needed',
  leader: 'n1',
  voters: ['n1'],
  lost: ['n2', 'n3'],
  epoch: 2,
  consequences: ['n1 goes on from its log', 'n2, n3: shown as failed'],
  control: [
    {
      name: 'n1',
      address: '10.0.0.1:4483',
      votes: true,
      answers: true,
      epoch: 1,
      term: 4,
      lastTerm: 4,
      lastIndex: 120,
      commitIndex: 118,
      leaderless: 60_000,
      lastEvent: 61_000,
      disk: true,
    },
    { name: 'n2', address: '10.0.0.2:4483', votes: true, answers: false },
    { name: 'n3', address: '10.0.0.3:4483', votes: true, answers: false },
  ],
}

const recovered = { epoch: 2, metaVersion: 5, leader: 'n1', voters: ['n1'], missing: [] }

const control = { voters: ['n1'], observers: [], metaVersion: 3 }

function drained(node: string) {
  return { node, state: 'drained', steps: [], index: 5 } as const
}

const statusReport: StatusReport = {
  cluster: {
    name: null,
    tag: null,
    state: 'zombie',
    epoch: 0,
    metaVersion: 0,
    leader: null,
    term: 0,
    commitIndex: 0,
    quorum: { voters: 0, needed: 0, reachable: 0 },
  },
  nodes: [],
  self: 'n1',
  stale: false,
  notices: [],
}

const whyReport = { subject: 'n1', lines: [], conclusion: 'n1 is ready, and answers', silent: [] }

async function* pieces(...all: number[][]): AsyncGenerator<Uint8Array> {
  for (const one of all) yield new Uint8Array(one)
}
