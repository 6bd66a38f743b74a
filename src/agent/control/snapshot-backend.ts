import type { Backend, RestoreAnswer, SnapshotStream } from '../../api/types.ts'
import { OperatorError } from '../../base/errors.ts'
import type { RequestOutcome } from '../../net/link-types.ts'
import type { SnapshotHeader } from '../../snapshot/header.ts'
import { SnapshotReader } from '../../snapshot/reader.ts'
import { pieceBytes } from '../../snapshot/writer.ts'
import { packEntries, type StagedEntry } from '../../state/restoring.ts'
import type { Row } from '../../state/types.ts'
import type { Agent } from '../agent.ts'
import { errorOf } from '../settled.ts'

/** A node that makes a copy may have a slow disk and much to copy. */
const openPatience = 120_000
const piecePatience = 20_000
const none = new Uint8Array(0)

type Ask = (method: string, body: object) => Promise<RequestOutcome & { ok: true }>

/** A snapshot from the leader, or with `stale` from whichever control node answers; read as fast as it is taken. */
export async function takeSnapshot(
  agent: Agent,
  request: Parameters<Backend['snapshot']>[0],
): Promise<SnapshotStream> {
  const opened = request.stale ? await openSomewhere(agent) : await openAtLeader(agent)
  const { id, node, name, index, size } = opened.body as {
    id: number
    node: string
    name: string
    index: number
    size: number
  }
  return { name, index, size, pieces: piecesOf(askerOf(agent, node), id) }
}

async function* piecesOf(ask: Ask, id: number): AsyncGenerator<Uint8Array, void, void> {
  try {
    for (let n = 0; ; n++) {
      const { blob = none } = await ask('copy-next', { id, n })
      if (blob.length === 0) return
      yield blob
    }
  } finally {
    ask('copy-close', { id }).catch(() => {})
  }
}

function openAtLeader(agent: Agent): Promise<RequestOutcome & { ok: true }> {
  return new Promise((resolve, reject) =>
    agent.authority.ask('copy-open', {}, 10_000, settle(resolve, reject), openPatience),
  )
}

async function openSomewhere(agent: Agent): Promise<RequestOutcome & { ok: true }> {
  const own = agent.plane?.state.cluster ? [agent.self.id] : []
  const others = (agent.view()?.control ?? agent.self.facts.cluster?.control ?? []).map(c => c.id)
  let failure: unknown = new OperatorError(
    'NO_QUORUM',
    'no control node answers',
    'hive status shows which are missing; start one of them again',
  )
  for (const node of [...own, ...others.filter(id => id !== agent.self.id)]) {
    try {
      return await askerOf(agent, node)('copy-open', { stale: true })
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

function askerOf(agent: Agent, node: string): Ask {
  return (method, body) =>
    new Promise((resolve, reject) => {
      const done = settle(resolve, reject)
      if (node === agent.self.id) return agent.answerOwn(method, body, done)
      const patience = method === 'copy-open' ? openPatience : piecePatience
      agent.links.request(node, method, body, patience, done)
    })
}

function settle(
  resolve: (outcome: RequestOutcome & { ok: true }) => void,
  reject: (error: Error) => void,
): (outcome: RequestOutcome) => void {
  return o => (o.ok ? resolve(o) : reject(errorOf(o)))
}

/** Puts a snapshot in the place of what the cluster keeps. Nothing changes before the end of it has come and fits. */
export async function restoreSnapshot(
  agent: Agent,
  request: Parameters<Backend['restoreSnapshot']>[0],
): Promise<RestoreAnswer> {
  const restore = new Restoration(agent, request)
  try {
    for await (const bytes of request.bytes) await restore.take(bytes)
    return await restore.finish()
  } catch (error) {
    restore.drop(error instanceof Error ? error.message : String(error))
    throw error
  }
}

class Restoration {
  readonly #agent: Agent
  readonly #request: Parameters<Backend['restoreSnapshot']>[0]
  readonly #reader = new SnapshotReader()
  readonly #id: string
  #begun = false
  #waiting: StagedEntry[] = []
  #waitingBytes = 0
  #parts = 0
  #keys = 0

  constructor(agent: Agent, request: Parameters<Backend['restoreSnapshot']>[0]) {
    this.#agent = agent
    this.#request = request
    this.#id = agent.newId()
  }

  async take(bytes: Uint8Array): Promise<void> {
    const rows = this.#reader.add(bytes)
    const { header } = this.#reader
    if (header && !this.#begun) await this.#begin(header)
    for (const row of rows) await this.#add(row)
  }

  async finish(): Promise<RestoreAnswer> {
    this.#reader.end()
    await this.#flush()
    const header = this.#reader.header!
    const done = await this.#write('restore-finish', {
      ...{ parts: this.#parts, keys: this.#keys },
      ...origin(header),
    })
    const { index, value } = done.body as { index: number; value: Omit<RestoreAnswer, 'keys'> }
    const { epoch, added, changed, removed } = value
    return { index, epoch, keys: this.#keys, added, changed, removed }
  }

  drop(reason: string): void {
    if (!this.#begun) return
    this.#write('restore-drop', { reason: reason.slice(0, 1000) }).catch(() => {})
  }

  async #begin(header: SnapshotHeader): Promise<void> {
    const { name, fromAnother } = this.#request
    const cluster = this.#agent.view()?.cluster
    if (!cluster) {
      throw new OperatorError(
        'NOT_INITIALISED',
        'there is no cluster here that the snapshot could come back into',
        'make one with it: hive init --from-snapshot FILE',
      )
    }
    if (name !== cluster.name) {
      throw new OperatorError(
        'REFUSED',
        `this cluster is «${cluster.name}», not «${name}»`,
        'give the name of the cluster whose data is to be replaced',
      )
    }
    if (header.cluster.tag !== cluster.tag && !fromAnother) {
      throw new OperatorError(
        'TAG_MISMATCH',
        `the snapshot is of another cluster, «${header.cluster.name}», tag ${header.cluster.tag}`,
        'if its data shall replace that of this one: --from-another',
      )
    }
    await this.#write('restore-begin', {
      ...origin(header),
      tag: header.cluster.tag,
      settings: header.settings,
    })
    this.#begun = true
  }

  async #add({ table, key, json, blob }: Row): Promise<void> {
    if (table !== 'kv') return
    const [flags] = JSON.parse(json!) as [number]
    this.#waiting.push({ key, flags, value: blob ?? none })
    this.#waitingBytes += key.length + (blob?.length ?? 0) + 16
    this.#keys += 1
    if (this.#waitingBytes >= pieceBytes) await this.#flush()
  }

  async #flush(): Promise<void> {
    if (this.#waiting.length === 0) return
    const entries = packEntries(this.#waiting)
    this.#waiting = []
    this.#waitingBytes = 0
    await this.#write('restore-add', { part: this.#parts }, entries)
    this.#parts += 1
  }

  #write(
    method: string,
    body: object,
    blob: Uint8Array = none,
  ): Promise<RequestOutcome & { ok: true }> {
    const { actor } = this.#request
    return new Promise((resolve, reject) =>
      this.#agent.authority.write(
        method,
        { ...body, id: this.#id, actor },
        20_000,
        settle(resolve, reject),
        blob,
      ),
    )
  }
}

function origin({ cluster, index, taken }: SnapshotHeader) {
  return { name: cluster.name, index, taken }
}
