import type { Random } from '../../src/base/random.ts'
import { fromUtf8, utf8 } from '../../src/base/utf8.ts'
import type { Caller } from './caller.ts'
import { Violation } from './checkers.ts'
import type { Cluster, SimulatedNode } from './cluster.ts'

/** Clients that do something together by cas, as users build it: count, append to one list, hold a lock. */

/** Longest pause between two tries of a client, ms. */
const longestPause = 700
/** Who holds the lock for so long, ms, renews it; who is silent for four times as long loses it. */
const heldFor = 1_500
const clients = 3

interface Entry {
  readonly value: string
  readonly modifyIndex: number
}

type Swapped = 'yes' | 'no' | 'unknown'

export class CasWorkload {
  readonly #cluster: Cluster
  readonly #caller: Caller
  readonly #dice: Random
  #running = false
  /** Increments that were acknowledged, and those that nobody knows of. */
  readonly #counted = { acknowledged: 0, unknown: 0 }
  readonly #appended = { acknowledged: new Set<string>(), tried: new Set<string>() }
  /** The indexes at which the lock changed hands, as those say who took it. */
  readonly #taken = new Map<number, string>()
  #next = 1

  constructor(cluster: Cluster, caller: Caller) {
    this.#cluster = cluster
    this.#caller = caller
    this.#dice = cluster.simulation.dice('cas workload')
  }

  start(): void {
    this.#running = true
    for (let i = 1; i <= clients; i++) {
      this.#rest(() => this.#count(`counter${i}`))
      this.#rest(() => this.#append(`appender${i}`))
      this.#rest(() => this.#lock(`holder${i}`))
    }
  }

  stop(): void {
    this.#running = false
  }

  /** Whether what the keys came to can be; `done` when all was read. */
  check(node: SimulatedNode, done: () => void): void {
    this.#read(node, 'cas/counter', counter => {
      this.#checkCounter(Number(counter?.value ?? 0))
      this.#read(node, 'cas/list', list => {
        this.#checkList(list?.value ?? '')
        done()
      })
    })
  }

  #checkCounter(value: number): void {
    const { acknowledged, unknown } = this.#counted
    if (value < acknowledged || value > acknowledged + unknown)
      this.#wrong(
        `the counter is ${value} after ${acknowledged} acknowledged increments and ${unknown} of unknown fate`,
      )
  }

  #checkList(text: string): void {
    const items = text === '' ? [] : text.split(' ')
    const { acknowledged, tried } = this.#appended
    const once = new Set(items)
    if (once.size !== items.length) this.#wrong(`the list has an item twice: ${text}`)
    const lost = [...acknowledged].filter(item => !once.has(item))
    const strange = items.filter(item => !tried.has(item))
    if (lost.length + strange.length > 0)
      this.#wrong(
        `the list lost ${lost.join(' ') || 'nothing'}, gained ${strange.join(' ') || 'nothing'}`,
      )
  }

  #wrong(what: string): void {
    this.#cluster.simulation.fail(new Violation(what))
  }

  #rest(next: () => void): void {
    this.#cluster.simulation.after(this.#dice.next() * longestPause, () => {
      if (this.#running) next()
    })
  }

  #any(): SimulatedNode | undefined {
    const nodes = this.#cluster.running()
    return nodes[this.#dice.below(Math.max(1, nodes.length))]
  }

  #count(client: string): void {
    const again = (): void => this.#rest(() => this.#count(client))
    const node = this.#any()
    if (node === undefined) return again()
    this.#read(node, 'cas/counter', (entry, ok) => {
      if (!ok) return again()
      const value = String(Number(entry?.value ?? 0) + 1)
      // Nobody knows of it until it is answered.
      this.#counted.unknown++
      this.#swap('cas/counter', value, entry, swapped => {
        if (swapped !== 'unknown') this.#counted.unknown--
        if (swapped === 'yes') this.#counted.acknowledged++
        again()
      })
    })
  }

  #append(client: string): void {
    const again = (): void => this.#rest(() => this.#append(client))
    const node = this.#any()
    if (node === undefined) return again()
    this.#read(node, 'cas/list', (entry, ok) => {
      if (!ok) return again()
      const item = `${this.#next++}`
      const value = entry === undefined ? item : `${entry.value} ${item}`
      this.#appended.tried.add(item)
      this.#swap('cas/list', value, entry, swapped => {
        if (swapped === 'yes') this.#appended.acknowledged.add(item)
        again()
      })
    })
  }

  /** The lock is `holder time`; free when empty, or when nobody renewed it for long. */
  #lock(client: string): void {
    const again = (): void => this.#rest(() => this.#lock(client))
    const node = this.#any()
    if (node === undefined) return again()
    this.#read(node, 'cas/lock', (entry, ok) => {
      if (!ok) return again()
      const { simulation } = this.#cluster
      const [holder = '', since = '0'] = (entry?.value ?? '').split(' ')
      const silent = simulation.now - Number(since)
      if (holder !== '' && holder !== client && silent < heldFor * 4) return again()
      const release = holder === client && this.#dice.next() < 0.3
      if (holder !== '' && holder !== client)
        simulation.trace.say(simulation.now, '!', `${client} takes over the lock from ${holder}`)
      const value = release ? ' 0' : `${client} ${Math.floor(simulation.now)}`
      this.#swap('cas/lock', value, entry, (swapped, index) => {
        if (swapped === 'yes') this.#took(client, index)
        if (swapped === 'yes' && !release) {
          simulation.after(heldFor * this.#dice.next(), again)
        } else again()
      })
    })
  }

  /** No two can have changed it at the same place of the log. */
  #took(client: string, index: number): void {
    const other = this.#taken.get(index)
    if (other !== undefined && other !== client) {
      const { simulation } = this.#cluster
      simulation.fail(new Violation(`${client} and ${other} both changed the lock at ${index}`))
    }
    this.#taken.set(index, client)
  }

  #read(
    node: SimulatedNode,
    key: string,
    done: (entry: Entry | undefined, ok: boolean) => void,
  ): void {
    this.#caller.call(
      node,
      `read of ${key}`,
      backend => backend.kvRead({ key, recurse: false, consistency: 'default' }),
      result => {
        if (result.how !== 'answered') return done(undefined, false)
        const found = result.value.entries[0]
        done(found && { value: fromUtf8(found.value), modifyIndex: found.modifyIndex }, true)
      },
    )
  }

  #swap(
    key: string,
    value: string,
    seen: Entry | undefined,
    done: (swapped: Swapped, index: number) => void,
  ): void {
    const node = this.#any()
    if (node === undefined) return done('no', 0)
    const cas = seen?.modifyIndex ?? 0
    this.#caller.call(
      node,
      `swap of ${key}`,
      backend => backend.kvPut({ key, value: utf8(value), flags: 0, cas, actor: 'client' }),
      result => {
        if (result.how !== 'answered') return done('unknown', 0)
        done(result.value.ok ? 'yes' : 'no', result.value.index)
      },
    )
  }
}
