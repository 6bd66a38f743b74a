import { type Client, harmless, type Office } from './client.ts'
import type { Entry } from './kv.ts'

/** Keys in use at a time, by each kind of work. */
const keysAtOnce = 3
/** Then a key is left alone: histories of one key stay short enough to be judged in no time. */
const operationsPerKey = 150
/** Elements of a list or set; each swap carries all of them. */
const elementsPerKey = 80

/** One kind of work that clients do; each operation of it on one key. */
export interface Workload {
  readonly name: 'register' | 'cas' | 'append' | 'set'
  /** All keys it ever used. */
  readonly keys: readonly string[]
  act(client: Client): Promise<void>
  /** Reads a key as its clients did, for the end of its history; false: no answer. */
  readBack(client: Client, key: string): Promise<boolean>
}

export function workloads(office: Office): Workload[] {
  return [new Registers(office), new Swaps(office), new Lists(office), new Sets(office)]
}

/** Keys that are used for a while. */
abstract class Keyed {
  readonly keys: string[] = []
  protected readonly office: Office
  readonly #prefix: string
  readonly #most: number
  readonly #used = new Map<string, number>()
  #current: string[] = []

  constructor(office: Office, prefix: string, most: number) {
    this.office = office
    this.#prefix = prefix
    this.#most = most
    this.#current = Array.from({ length: keysAtOnce }, () => this.#open())
  }

  protected pick(client: Client): string {
    return this.#current[client.dice.below(keysAtOnce)]!
  }

  protected use(key: string): void {
    const used = (this.#used.get(key) ?? 0) + 1
    this.#used.set(key, used)
    if (used >= this.#most) this.#current = this.#current.map(k => (k === key ? this.#open() : k))
  }

  #open(): string {
    const key = `${this.#prefix}${this.keys.length + 1}`
    this.keys.push(key)
    return key
  }
}

class Registers extends Keyed implements Workload {
  readonly name = 'register'

  constructor(office: Office) {
    super(office, 'register/', operationsPerKey)
  }

  async act(client: Client): Promise<void> {
    const key = this.pick(client)
    this.use(key)
    if (client.dice.next() < 0.5) await client.read(key)
    else await client.write(key, String(this.office.next()))
  }

  async readBack(client: Client, key: string): Promise<boolean> {
    return (await client.read(key)).outcome === 'ok'
  }
}

/** Swaps against what the client saw last, which may be long ago. */
class Swaps extends Keyed implements Workload {
  readonly name = 'cas'
  readonly #last = new Map<Client, Map<string, Entry | null>>()

  constructor(office: Office) {
    super(office, 'cas/', operationsPerKey)
  }

  async act(client: Client): Promise<void> {
    const key = this.pick(client)
    this.use(key)
    const roll = client.dice.next()
    const seen = this.#of(client).get(key)
    if (roll < 0.05) await client.write(key, null)
    else if (roll < 0.15) await client.write(key, String(this.office.next()))
    else if (roll < 0.55 && seen !== undefined)
      await client.swap(key, seen, String(this.office.next()))
    else {
      const reply = await client.read(key)
      if (reply.outcome === 'ok') this.#of(client).set(key, reply.value)
    }
  }

  async readBack(client: Client, key: string): Promise<boolean> {
    return (await client.read(key)).outcome === 'ok'
  }

  #of(client: Client): Map<string, Entry | null> {
    const found = this.#last.get(client) ?? new Map<string, Entry | null>()
    this.#last.set(client, found)
    return found
  }
}

class Lists extends Keyed implements Workload {
  readonly name = 'append'

  constructor(office: Office) {
    super(office, 'append/', elementsPerKey)
  }

  async act(client: Client): Promise<void> {
    const key = this.pick(client)
    if (client.dice.next() < 0.5) {
      await this.readBack(client, key)
      return
    }
    this.use(key)
    const { process } = client
    const element = this.office.next()
    const invoked = this.office.now()
    const told = await client.change(key, text => (text ? `${text} ${element}` : String(element)))
    const call = { kind: 'append' as const, element }
    this.office.history.lists.push(client.seen(key, call, process, invoked, told))
  }

  async readBack(client: Client, key: string): Promise<boolean> {
    const invoked = this.office.now()
    const { process } = client
    const reply = await client.read(key)
    const saw = reply.outcome === 'ok' ? elementsOf(reply.value?.text ?? '') : []
    const call = { kind: 'read' as const, saw }
    this.office.history.lists.push(client.seen(key, call, process, invoked, harmless(reply)))
    return reply.outcome === 'ok'
  }
}

class Sets extends Keyed implements Workload {
  readonly name = 'set'

  constructor(office: Office) {
    super(office, 'set/', elementsPerKey)
  }

  async act(client: Client): Promise<void> {
    const key = this.pick(client)
    if (client.dice.next() < 0.4) {
      await this.readBack(client, key)
      return
    }
    this.use(key)
    const { process } = client
    const element = this.office.next()
    const invoked = this.office.now()
    // Kept in order, so that the text says nothing of when an element came.
    const told = await client.change(key, text =>
      [...elementsOf(text), element].sort((a, b) => a - b).join(' '),
    )
    const call = { kind: 'add' as const, element }
    this.office.history.sets.push(client.seen(key, call, process, invoked, told))
  }

  async readBack(client: Client, key: string): Promise<boolean> {
    const invoked = this.office.now()
    const { process } = client
    const reply = await client.read(key)
    const saw = new Set(reply.outcome === 'ok' ? elementsOf(reply.value?.text ?? '') : [])
    const call = { kind: 'read' as const, saw }
    this.office.history.sets.push(client.seen(key, call, process, invoked, harmless(reply)))
    return reply.outcome === 'ok'
  }
}

function elementsOf(text: string): number[] {
  return text === '' ? [] : text.split(' ').map(Number)
}
