import type { Digest } from './digest.ts'
import type { RequestId } from './events.ts'
import { stateLimits } from './limits.ts'
import { goneRow, parseRow, type Rowed } from './table.ts'
import type { Outcome, Row } from './types.ts'

/**
 * So that a retried request takes effect once (Ongaro's thesis §6.3): what each client was answered,
 * from the serial it has not yet acknowledged on. It is part of the state, so that a restart, a
 * snapshot or another leader does not forget it.
 *
 * `perRow` serials share a row: a batch of puts rewrites one or two small rows, however many answers
 * are outstanding.
 */
export class Clients implements Rowed {
  readonly tables = ['client', 'outcome']
  /** Least recently used first; a loaded state has them in the same order. */
  #clients = new Map<string, Client>()
  /** Clients that changed, and which of their rows of outcomes. */
  readonly #changed = new Map<string, Set<number>>()

  /** What this request was answered the first time; undefined: it is new. */
  recall(request: RequestId): Outcome | undefined {
    const client = this.#clients.get(request.client)
    if (client === undefined) return undefined
    return request.serial < client.floor ? forgotten(request) : client.outcomes.get(request.serial)
  }

  remember(request: RequestId, index: number, outcome: Outcome): void {
    const name = request.client
    const client = this.#clients.get(name) ?? { floor: 0, used: 0, outcomes: new Map() }
    this.#clients.delete(name)
    this.#clients.set(name, client)
    client.used = index
    client.outcomes.set(request.serial, outcome)
    const rows = this.#rowsOf(name)
    rows.add(rowOf(request.serial))
    raiseFloor(client, Math.min(request.acked, request.serial), rows)
    if (client.outcomes.size > stateLimits.outcomes) {
      const serials = [...client.outcomes.keys()].sort((a, b) => a - b)
      raiseFloor(client, serials[stateLimits.outcomes / 4]!, rows)
    }
    if (this.#clients.size > stateLimits.clients) this.#dropOldest()
  }

  load(row: Row): void {
    if (row.table === 'client') {
      const [floor, used] = parseRow(row) as [number, number]
      const client = this.#arriving(row.key)
      client.floor = floor
      client.used = used
      return
    }
    const client = this.#arriving(row.key.slice(0, row.key.lastIndexOf('#')))
    for (const [serial, stored] of parseRow(row) as [number, number | Outcome][]) {
      const outcome = typeof stored === 'number' ? { ok: true as const, index: stored } : stored
      client.outcomes.set(serial, outcome)
    }
  }

  loaded(): void {
    const oldestFirst = [...this.#clients].sort(([, a], [, b]) => a.used - b.used)
    this.#clients = new Map(oldestFirst)
  }

  takeRows(out: Row[]): void {
    for (const [name, rows] of this.#changed) {
      const client = this.#clients.get(name)
      out.push(client === undefined ? goneRow('client', name) : clientRow(name, client))
      for (const row of rows) out.push(outcomeRow(name, client, row))
    }
    this.#changed.clear()
  }

  digest(into: Digest): void {
    for (const [name, client] of this.#clients) {
      into.add(clientRow(name, client))
      for (const row of new Set(Array.from(client.outcomes.keys(), rowOf))) {
        into.add(outcomeRow(name, client, row))
      }
    }
  }

  #arriving(name: string): Client {
    let client = this.#clients.get(name)
    if (client === undefined) {
      client = { floor: 0, used: 0, outcomes: new Map() }
      this.#clients.set(name, client)
    }
    return client
  }

  #dropOldest(): void {
    for (const [name, client] of this.#clients) {
      const rows = this.#rowsOf(name)
      for (const serial of client.outcomes.keys()) rows.add(rowOf(serial))
      this.#clients.delete(name)
      return
    }
  }

  #rowsOf(name: string): Set<number> {
    let rows = this.#changed.get(name)
    if (rows === undefined) {
      rows = new Set()
      this.#changed.set(name, rows)
    }
    return rows
  }
}

interface Client {
  /** Serials below are answered or given up, and forgotten. */
  floor: number
  /** Index of the entry that used it last. */
  used: number
  readonly outcomes: Map<number, Outcome>
}

const perRow = 64

function rowOf(serial: number): number {
  return Math.floor(serial / perRow)
}

function forgotten(request: RequestId): Outcome {
  return {
    ok: false,
    code: 'TIMEOUT',
    message: `request ${request.serial} of ${request.client} was answered or given up before; it is not applied again`,
    remedy: 'read the current state before asking again',
  }
}

/** Forgets the answers below `floor`, and notes in `rows` where they were. */
function raiseFloor(client: Client, floor: number, rows: Set<number>): void {
  if (floor <= client.floor) return
  const { outcomes } = client
  const forget = (serial: number) => {
    if (outcomes.delete(serial)) rows.add(rowOf(serial))
  }
  // Serials are dense as a rule; but a jump must not cost more than there is to forget.
  if (floor - client.floor <= outcomes.size) {
    for (let serial = client.floor; serial < floor; serial++) forget(serial)
  } else {
    for (const serial of [...outcomes.keys()]) if (serial < floor) forget(serial)
  }
  client.floor = floor
}

function clientRow(name: string, client: Client): Row {
  return { table: 'client', key: name, json: `[${client.floor},${client.used}]`, blob: null }
}

function outcomeRow(name: string, client: Client | undefined, row: number): Row {
  const key = `${name}#${row}`
  const stored: string[] = []
  for (let serial = row * perRow; client && serial < (row + 1) * perRow; serial++) {
    const outcome = client.outcomes.get(serial)
    if (outcome === undefined) continue
    const plain = outcome.ok && outcome.value === undefined
    stored.push(`[${serial},${plain ? outcome.index : JSON.stringify(outcome)}]`)
  }
  if (stored.length === 0) return goneRow('outcome', key)
  return { table: 'outcome', key, json: `[${stored.join(',')}]`, blob: null }
}
