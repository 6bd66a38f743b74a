import type { KvRead } from '../../src/api/types.ts'
import { OperatorError } from '../../src/base/errors.ts'
import type { Random } from '../../src/base/random.ts'
import { fromUtf8, utf8 } from '../../src/base/utf8.ts'
import type { Caller, CallResult } from './caller.ts'
import type { Cluster, SimulatedNode } from './cluster.ts'
import { describe, type History, type KvOperation } from './history.ts'

export interface KvLoad {
  readonly clients: number
  /** Longest pause of a client between two operations, ms. */
  readonly think: number
  /** A key is left alone after so many operations: short histories are quick to judge. */
  readonly operationsPerKey: number
  /** Keys in use at a time. */
  readonly keys: number
  /** Part of the puts that carry a large value: logs grow, compact, and followers need snapshots. */
  readonly bulk: number
}

export const usualLoad: KvLoad = {
  clients: 5,
  think: 400,
  operationsPerKey: 60,
  keys: 3,
  bulk: 0,
}

/** A read waits for a change for so long, ms. */
export const heldFor = 2_000

/** Behind a large value, bytes; they are no part of what is judged. */
const ballast = '.'.repeat(400_000)

/** Codes with which a write certainly has no effect. */
const harmless = new Set(['BAD_REQUEST', 'TOO_LARGE', 'NOT_INITIALISED', 'NOT_FOUND', 'NOT_LEADER'])

/** What a client saw last of a key: what it swaps against. */
interface Seen {
  readonly value: string | null
  readonly modifyIndex: number
}

/** Clients that put, swap, delete and read through any agent, and write down what they were told. */
export class KvWorkload {
  readonly #cluster: Cluster
  readonly #caller: Caller
  readonly #history: History
  readonly #load: KvLoad
  readonly #dice: Random
  readonly #used = new Map<string, number>()
  #keys: string[] = []
  #nextKey = 1
  #running = false
  /** Nodes to ask; the usual choice is any that runs. */
  candidates: () => readonly SimulatedNode[]
  /** Hears of each held read: what it asked for, when, and the index that it was answered with. */
  onHeld: ((key: string, asked: number, invoked: number, index: number) => void) | undefined
  /** Hears of every acknowledged write. */
  onAcknowledged: ((operation: KvOperation) => void) | undefined

  constructor(cluster: Cluster, caller: Caller, history: History, load: KvLoad = usualLoad) {
    this.#cluster = cluster
    this.#caller = caller
    this.#history = history
    this.#load = load
    this.#dice = cluster.simulation.dice('kv workload')
    this.candidates = () => cluster.running()
    for (let i = 0; i < load.keys; i++) this.#keys.push(this.#newKey())
  }

  start(): void {
    this.#running = true
    for (let i = 0; i < this.#load.clients; i++) this.#rest(new Map())
  }

  /** Operations under way are still heard of. */
  stop(): void {
    this.#running = false
  }

  /** Reads every key once through `node`; `done` says how many could not be read. */
  readAll(node: SimulatedNode, done: (failed: number) => void): void {
    const keys = [...this.#used.keys()]
    let failed = 0
    const next = (): void => {
      const key = keys.pop()
      if (key === undefined) done(failed)
      else
        this.#read(node, key, new Map(), 'default', undefined, ok => {
          if (!ok) failed++
          next()
        })
    }
    next()
  }

  #rest(seen: Map<string, Seen>): void {
    const { simulation } = this.#cluster
    simulation.after(this.#dice.next() * this.#load.think, () => {
      if (this.#running) this.#act(seen)
    })
  }

  #act(seen: Map<string, Seen>): void {
    const nodes = this.candidates()
    if (nodes.length === 0) {
      this.#rest(seen)
      return
    }
    const node = nodes[this.#dice.below(nodes.length)]!
    const key = this.#pickKey()
    const again = (): void => this.#rest(seen)
    const known = seen.get(key)
    const roll = this.#dice.next()
    if (roll < 0.35) this.#read(node, key, seen, 'default', undefined, again)
    else if (roll < 0.4) this.#read(node, key, seen, 'consistent', undefined, again)
    else if (roll < 0.45) this.#read(node, key, seen, 'default', known?.modifyIndex, again)
    else if (roll < 0.65) this.#put(node, key, again)
    else if (roll < 0.7) this.#delete(node, key, again)
    else if (known === undefined) this.#read(node, key, seen, 'default', undefined, again)
    else this.#swap(node, key, known, again)
  }

  #pickKey(): string {
    const at = this.#dice.below(this.#keys.length)
    const key = this.#keys[at]!
    const used = (this.#used.get(key) ?? 0) + 1
    this.#used.set(key, used)
    if (used >= this.#load.operationsPerKey) this.#keys[at] = this.#newKey()
    return key
  }

  #newKey(): string {
    return `k${this.#nextKey++}`
  }

  #put(node: SimulatedNode, key: string, again: () => void): void {
    const value = `v${this.#history.size + 1}`
    const operation = this.#invoke(node, key, { kind: 'write', value })
    const large = this.#load.bulk > 0 && this.#dice.next() < this.#load.bulk
    const bytes = utf8(large ? value + ballast : value)
    const request = { key, value: bytes, flags: 0, actor: 'client' }
    this.#write(node, operation, backend => backend.kvPut(request), again)
  }

  #delete(node: SimulatedNode, key: string, again: () => void): void {
    const operation = this.#invoke(node, key, { kind: 'write', value: null })
    const request = { key, recurse: false, actor: 'client' }
    this.#write(node, operation, backend => backend.kvDelete(request), again)
  }

  /** Appends to what was seen last; so a lost write tears a hole that everybody can see. */
  #swap(node: SimulatedNode, key: string, known: Seen, again: () => void): void {
    const number = this.#history.size + 1
    const value = `${(known.value ?? '').slice(0, 200)}+${number}`
    const operation = this.#invoke(node, key, {
      kind: 'cas',
      expected: known.value,
      value,
      swapped: undefined,
    })
    const request = { key, value: utf8(value), flags: 0, cas: known.modifyIndex, actor: 'client' }
    this.#write(node, operation, backend => backend.kvPut(request), again)
  }

  #invoke(node: SimulatedNode, key: string, call: KvOperation['call']): KvOperation {
    const { simulation } = this.#cluster
    return this.#history.invoke(node.name, key, call, simulation.now)
  }

  #write(
    node: SimulatedNode,
    operation: KvOperation,
    invoke: Parameters<Caller['call']>[2],
    again: () => void,
  ): void {
    this.#caller.call(node, `${describe(operation.call)} of ${operation.key}`, invoke, result => {
      const answer = result as CallResult<{ ok: boolean; index: number }>
      if (answer.how === 'answered') this.#written(operation, answer.value)
      else {
        const certain = answer.how === 'refused' && harmless.has(codeOf(answer.error))
        this.#settle(operation, certain ? 'fail' : 'unknown', {}, answer)
      }
      again()
    })
  }

  #written(operation: KvOperation, { ok, index }: { ok: boolean; index: number }): void {
    const { call } = operation
    const filled = call.kind === 'cas' ? { ...call, swapped: ok } : call
    if (call.kind !== 'cas' && !ok) {
      const { simulation } = this.#cluster
      simulation.fail(new Error(`#${operation.number}: cas failed, but none was asked for`))
    }
    this.#settle(operation, 'ok', { call: filled, index })
    if (ok) this.onAcknowledged?.(operation)
  }

  #read(
    node: SimulatedNode,
    key: string,
    seen: Map<string, Seen>,
    consistency: 'default' | 'consistent',
    index: number | undefined,
    again: (ok: boolean) => void,
  ): void {
    const operation = this.#invoke(node, key, { kind: 'read', saw: null })
    const held = index !== undefined && index > 0
    const blocking = held ? { index, wait: heldFor } : {}
    const query = { key, recurse: false, consistency, ...blocking }
    this.#caller.call(
      node,
      `read of ${key}`,
      backend => backend.kvRead(query),
      result => {
        if (held && result.how === 'answered')
          this.onHeld?.(key, index, operation.invoked, result.value.index)
        if (result.how === 'answered') this.#seen(operation, result.value, seen)
        else this.#settle(operation, 'unknown', {}, result)
        again(result.how === 'answered')
      },
    )
  }

  #seen(operation: KvOperation, answer: KvRead, seen: Map<string, Seen>): void {
    const entry = answer.entries[0]
    const value =
      entry === undefined ? null : fromUtf8(entry.value.subarray(0, 1000)).replace(/\.+$/, '')
    this.#settle(operation, 'ok', { call: { kind: 'read', saw: value }, index: answer.index })
    seen.set(operation.key, { value, modifyIndex: entry?.modifyIndex ?? 0 })
  }

  #settle(
    operation: KvOperation,
    outcome: 'ok' | 'fail' | 'unknown',
    answer: Parameters<History['settle']>[3],
    result?: CallResult<unknown>,
  ): void {
    const { simulation } = this.#cluster
    this.#history.settle(operation, simulation.now, outcome, answer)
    const why = result?.how === 'refused' ? ` ${String(result.error)}` : (result?.how ?? '')
    const text = `#${operation.number} ${operation.key} ${describe(operation.call)}: ${outcome}${why}`
    simulation.trace.say(simulation.now, operation.node, text)
  }
}

function codeOf(error: unknown): string {
  return error instanceof OperatorError ? error.code : ''
}
