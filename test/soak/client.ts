import type { Random } from '../../src/base/random.ts'
import type { RegisterCall } from '../linearizability/register.ts'
import type { History, Outcome, Seen } from './history.ts'
import { type Entry, Kv, type Reply } from './kv.ts'
import type { SoakNode } from './node.ts'

/** Swaps of one append or add before it is given up. */
const swaps = 12

interface Told {
  readonly outcome: Outcome
  readonly why?: string
}

/** What the clients of a run have in common. */
export interface Office {
  readonly nodes: readonly SoakNode[]
  readonly history: History
  now(): number
  /** A number nobody had before. */
  next(): number
}

/**
 * A client: one operation at a time, through one node for a while. After an answer it does not know it goes on under
 * another number (as Jepsen's do), because the operation is still open.
 */
export class Client {
  readonly dice: Random
  readonly #office: Office
  process: number
  #kv: Kv
  #left = 0

  constructor(office: Office, dice: Random) {
    this.#office = office
    this.dice = dice
    this.process = office.next()
    this.#kv = new Kv(office.nodes[dice.below(office.nodes.length)]!)
  }

  get node(): SoakNode {
    return this.#kv.node
  }

  /** Another node, when this one was asked often enough or did not answer. */
  move(): void {
    if (this.#left-- > 0) return
    const { nodes } = this.#office
    this.ask(nodes[this.dice.below(nodes.length)]!)
    this.#left = this.dice.below(20)
  }

  ask(node: SoakNode): void {
    this.#kv = new Kv(node)
  }

  async read(key: string): Promise<Reply<Entry | null>> {
    const invoked = this.#office.now()
    const reply = await this.#kv.get(key, this.dice.next() < 0.2)
    const saw = reply.outcome === 'ok' ? (reply.value?.text ?? null) : null
    // A read without an answer has no effect, whatever became of it.
    this.#tell(key, { kind: 'read', saw }, invoked, harmless(reply))
    return reply
  }

  /** null: delete. */
  async write(key: string, text: string | null): Promise<Reply<boolean>> {
    const invoked = this.#office.now()
    const reply = await (text === null ? this.#kv.delete(key) : this.#kv.put(key, text))
    if (reply.outcome === 'ok' && !reply.value) throw new Error(`a put of ${key} was refused`)
    this.#tell(key, { kind: 'write', value: text }, invoked, reply)
    return reply
  }

  async swap(key: string, before: Entry | null, text: string): Promise<Reply<boolean>> {
    const invoked = this.#office.now()
    const reply = await this.#kv.put(key, text, before?.modifyIndex ?? 0)
    const swapped = reply.outcome === 'ok' ? reply.value : undefined
    const expected = before?.text ?? null
    this.#tell(key, { kind: 'cas', expected, value: text, swapped }, invoked, reply)
    return reply
  }

  /** Reads and swaps until it is in, refused for good, or nobody knows. */
  async change(key: string, by: (text: string) => string): Promise<Told> {
    for (let i = 0; i < swaps; i++) {
      const seen = await this.read(key)
      if (seen.outcome !== 'ok') return { outcome: 'fail', why: seen.why }
      const swapped = await this.swap(key, seen.value, by(seen.value?.text ?? ''))
      if (swapped.outcome !== 'ok') return { outcome: swapped.outcome, why: swapped.why }
      if (swapped.value) return { outcome: 'ok' }
    }
    return { outcome: 'fail', why: `${swaps} swaps were refused` }
  }

  seen<Call>(key: string, call: Call, process: number, invoked: number, told: Told): Seen<Call> {
    const { outcome, why } = told
    const returned = this.#office.now()
    const node = this.node.name
    return { process, node, key, call, invoked, returned, outcome, ...(why && { why }) }
  }

  #tell(key: string, call: RegisterCall, invoked: number, told: Told): void {
    this.#office.history.told(this.seen(key, call, this.process, invoked, told))
    if (told.outcome !== 'ok') this.#left = 0
    if (told.outcome === 'info') this.process = this.#office.next()
  }
}

export function harmless(reply: Reply<unknown>): Told {
  return reply.outcome === 'ok' ? { outcome: 'ok' } : { outcome: 'fail', why: reply.why }
}
