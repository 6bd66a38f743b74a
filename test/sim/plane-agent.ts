import { ControlPlane } from '../../src/agent/control/control-plane.ts'
import type { Backend } from '../../src/api/types.ts'
import { OperatorError } from '../../src/base/errors.ts'
import { fromUtf8, utf8 } from '../../src/base/utf8.ts'
import { decodeRaft, encodeRaft } from '../../src/net/raft-codec.ts'
import type { DatagramSocket } from '../../src/net/types.ts'
import { newGroup } from '../../src/raft/raft.ts'
import type { Message, SnapshotMeta } from '../../src/raft/types.ts'
import type { EventData } from '../../src/state/events.ts'
import type { Outcome } from '../../src/state/types.ts'
import type { GroupStore } from '../../src/store/types.ts'
import type { AgentParts, MakeAgent, SimulatedAgent } from './cluster.ts'

/**
 * The control plane alone, without membership, joins or links: raft's messages travel as bare
 * datagrams, which is harder on raft than any stream would be. A key of it is written where the leader is.
 */
export function planeAgents(names: readonly string[], ipOf: (name: string) => string): MakeAgent {
  return parts => new PlaneAgent(parts, names, ipOf)
}

const port = 4483
const tag = '01980000-0000-7000-8000-000000000001'

class PlaneAgent implements SimulatedAgent {
  readonly #parts: AgentParts
  readonly #names: readonly string[]
  readonly #ipOf: (name: string) => string
  #socket: DatagramSocket | undefined
  #plane: ControlPlane | undefined
  #store: GroupStore | undefined

  constructor(parts: AgentParts, names: readonly string[], ipOf: (name: string) => string) {
    this.#parts = parts
    this.#names = names
    this.#ipOf = ipOf
  }

  start(): void {
    const { storage, clock, random, trace, config, sockets } = this.#parts
    if (!storage.hasGroup()) {
      const { snapshot, hardState } = newGroup(this.#names)
      storage.createGroup(snapshot, hardState, [])
    }
    const { loaded, store } = storage.openGroup(() => {})
    this.#socket = sockets.bindDatagram(config.bind, {
      bound() {},
      failed() {},
      received: (_from, bytes) => this.#receive(bytes),
    })
    this.#plane = new ControlPlane({
      self: config.name,
      clock,
      random,
      trace,
      store,
      loaded,
      send: message => this.#send(message.to, 0, encodeRaft(message)),
      sendSnapshot: peer =>
        store.takeSnapshot((failure, source) => {
          if (failure !== undefined || source === undefined) {
            this.#plane?.snapshotSent(peer, false)
            return
          }
          const head = utf8(JSON.stringify({ meta: source.meta, term: this.#plane?.status().term }))
          const bytes = source.read(0, source.size)
          const packet = new Uint8Array(4 + head.length + bytes.length)
          new DataView(packet.buffer).setUint32(0, head.length)
          packet.set(head, 4)
          packet.set(bytes, 4 + head.length)
          this.#send(peer, 1, packet)
          clock.after(200, () => this.#plane?.snapshotSent(peer, true))
        }),
      applied() {},
      ranked() {},
      failed: failure => trace.warn({}, failure.message),
    })
    this.#store = store
  }

  stop(done: () => void): void {
    this.#plane?.stop()
    this.#socket?.close()
    this.#parts.storage.close(done)
  }

  raftStatus() {
    return this.#plane?.status()
  }

  get state() {
    return this.#plane?.state
  }

  swimMembers() {
    return []
  }

  get backend(): Backend {
    const kv: Pick<Backend, 'init' | 'kvRead' | 'kvPut' | 'kvDelete'> = {
      init: async ({ actor }) => {
        await this.#propose(done =>
          this.#plane!.propose({ type: 'ClusterInitialised', data: this.#first(), actor }, done),
        )
        return { tag, name: 'sim', control: this.#names, why: '', join: '', repeated: false }
      },
      kvRead: query =>
        new Promise((resolve, reject) => {
          const plane = this.#plane!
          plane.read(index => {
            if (index === null) {
              reject(new OperatorError('NOT_LEADER', 'not the leader'))
              return
            }
            const entry = plane.state.kvGet(query.key)
            resolve({ entries: entry === undefined ? [] : [entry], index, leaderKnown: true })
          })
        }),
      kvPut: ({ key, value, flags, cas, actor }) => {
        const guard = cas === undefined ? {} : { cas }
        const data = { key, value, flags, ...guard }
        return this.#propose(done => this.#plane!.propose({ type: 'KvPut', data, actor }, done))
      },
      kvDelete: ({ key, recurse, actor }) =>
        this.#propose(done =>
          this.#plane!.propose({ type: 'KvDelete', data: { key, recurse }, actor }, done),
        ),
    }
    return kv as Backend
  }

  #propose(
    begin: (done: (outcome: Outcome) => void) => void,
  ): Promise<{ ok: boolean; index: number }> {
    return new Promise((resolve, reject) => {
      begin(outcome => {
        if (outcome.ok) resolve({ ok: true, index: outcome.index })
        else if (outcome.code === 'CAS_FAILED') resolve({ ok: false, index: 0 })
        else reject(new OperatorError(outcome.code, outcome.message))
      })
    })
  }

  #first(): EventData['ClusterInitialised'] {
    const control = this.#names.map(name => ({
      id: name,
      name,
      address: { host: this.#ipOf(name), port },
      dc: 'dc1',
      version: '0.1.0',
      incarnation: 1,
      roles: [],
    }))
    return { tag, name: 'sim', version: '0.1.0', control, settings: {} }
  }

  #send(to: string, kind: number, body: Uint8Array): void {
    const from = utf8(this.#parts.config.name)
    const packet = new Uint8Array(2 + from.length + body.length)
    packet[0] = kind
    packet[1] = from.length
    packet.set(from, 2)
    packet.set(body, 2 + from.length)
    this.#socket?.send({ host: this.#ipOf(to), port }, packet)
  }

  #receive(packet: Uint8Array): void {
    const length = packet[1]!
    const from = fromUtf8(packet.subarray(2, 2 + length))
    const body = packet.subarray(2 + length)
    const to = this.#parts.config.name
    if (packet[0] === 0) {
      this.#plane?.step(decodeRaft(body, from, to))
      return
    }
    const headLength = new DataView(body.buffer, body.byteOffset).getUint32(0)
    const { meta, term } = JSON.parse(fromUtf8(body.subarray(4, 4 + headLength))) as {
      meta: SnapshotMeta
      term: number
    }
    this.#store?.receiveChunk(0, body.subarray(4 + headLength))
    const message: Message = { type: 'snapshot', from, to, term, snapshot: meta }
    this.#plane?.step(message)
  }
}
