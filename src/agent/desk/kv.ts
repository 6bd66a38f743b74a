import type { KvQuery } from '../../api/types.ts'
import { kvLimits } from '../../api/types.ts'
import {
  count,
  type Fields,
  fields,
  flag,
  optionalCount,
  optionalText,
  text,
} from '../../base/shape.ts'
import type { Timer } from '../../base/time.ts'
import { utf8 } from '../../base/utf8.ts'
import type { RequestId } from '../../state/events.ts'
import type { Outcome } from '../../state/types.ts'
import type { AppliedEntry, ControlPlane } from '../control/control-plane.ts'
import type { Methods, PeerRequest } from '../requests.ts'
import { asLeader, type DeskParts, notLeader, outcomeOf } from './desk.ts'
import { type KvPage, packed, pageBytes } from './kv-pages.ts'

/** Held reads at once; more are answered without waiting. */
const maxHeld = 10_000
/** Consul's bounds of `?wait=`, ms. */
const longestWait = 600_000

export interface KvWrite {
  readonly key: string
  readonly flags: number
  readonly cas?: number
  readonly actor: string
  readonly request?: RequestId
}

/** A read that waits; `due` says whether what it waits for has come. */
interface Held {
  due(): boolean
  wake(): void
}

/** What another node asks in pages: so many bytes of what is behind a key. */
interface PageQuery extends KvQuery {
  readonly after?: string | undefined
  readonly bytes?: number | undefined
}

type ReadDone = (read: KvPage | null) => void

/** Keys and values: linearizable reads, held reads that wake for their own keys only, writes. */
export class KvDesk {
  readonly #parts: DeskParts
  readonly #exact = new Map<string, Set<Held>>()
  readonly #prefixes = new Map<string, Set<Held>>()
  #held = 0

  constructor(parts: DeskParts) {
    this.#parts = parts
  }

  put(
    plane: ControlPlane,
    { request, actor, ...data }: KvWrite,
    value: Uint8Array,
    done: (o: Outcome) => void,
  ): void {
    const excess = tooLarge(data.key, value)
    if (excess) return done(excess)
    plane.propose({ type: 'KvPut', data: { ...data, value }, actor, request }, done)
  }

  /** null: leadership was lost. A stale read answers from what this node has applied. */
  read(plane: ControlPlane, query: PageQuery, done: ReadDone): void {
    const answer = (): void => {
      const now = this.#look(plane, query)
      if (query.index === undefined || now.index > query.index || this.#held >= maxHeld)
        return done(now)
      const after = query.index
      const due = (): boolean => plane.state.kvIndex(query.key, query.recurse) > after
      const patience = Math.min(query.wait ?? 300_000, longestWait)
      this.#hold(query, patience, due, () => done(this.#look(plane, query)))
    }
    if (query.consistency === 'stale') return answer()
    plane.read(index => (index === null ? done(null) : answer()))
  }

  /** Wakes the readers of the keys that changed. */
  applied(batch: readonly AppliedEntry[]): void {
    if (this.#held === 0) return
    for (const { event } of batch) {
      if (event?.type === 'SnapshotRestored') return this.replaced()
      if (event?.type !== 'KvPut' && event?.type !== 'KvDelete') continue
      const { key } = event.data
      wakeDue(this.#exact.get(key))
      for (const [prefix, held] of this.#prefixes) {
        const touched =
          key.startsWith(prefix) ||
          (event.type === 'KvDelete' && event.data.recurse && prefix.startsWith(key))
        if (touched) wakeDue(held)
      }
      if (event.type === 'KvDelete' && event.data.recurse) {
        for (const [exact, held] of this.#exact) if (exact.startsWith(key)) wakeDue(held)
      }
    }
  }

  /** Any key may be another now. */
  replaced(): void {
    for (const held of [...this.#exact.values(), ...this.#prefixes.values()]) wakeDue(held)
  }

  /** What was held is answered from what is known now: the log is not this node's any more, or the agent stops. */
  wakeAll(): void {
    for (const held of [...this.#exact.values(), ...this.#prefixes.values()]) wakeAll(held)
  }

  methods(): Methods {
    return {
      'kv-put': asLeader(this.#parts, ({ body, blob, answer }, plane) => {
        this.put(plane, writeOf(body), blob, o => answer(outcomeOf(o)))
      }),
      'kv-delete': asLeader(this.#parts, ({ body, answer }, plane) => {
        const { key, cas, actor, request } = writeOf(body)
        const recurse = flag(body, 'recurse')
        plane.propose({ type: 'KvDelete', data: { key, recurse, cas }, actor, request }, o =>
          answer(outcomeOf(o)),
        )
      }),
      'kv-read': request => this.#readForPeer(request),
    }
  }

  #readForPeer({ body, answer, gone }: PeerRequest): void {
    const plane = this.#parts.plane()
    const asked = queryOf(body)
    const query = asked.index === undefined ? asked : { ...asked, signal: gone?.() }
    if (!plane || (query.consistency !== 'stale' && !plane.isLeader())) return answer(notLeader)
    this.read(plane, query, read => {
      if (!read) return answer(notLeader)
      answer({ ok: true, ...packed(read) })
    })
  }

  #look(plane: ControlPlane, { key, recurse, ...page }: PageQuery): KvPage {
    const { state } = plane
    const index = Math.max(1, state.kvIndex(key, recurse))
    const leaderKnown = plane.leader() !== null
    if (recurse) return { ...state.kvPage(key, page), index, leaderKnown }
    const one = state.kvGet(key)
    return { entries: one ? [one] : [], index, leaderKnown }
  }

  #hold(
    { key, recurse, signal }: KvQuery,
    patience: number,
    due: () => boolean,
    done: () => void,
  ): void {
    if (signal?.aborted) return done()
    const table = recurse ? this.#prefixes : this.#exact
    const held = table.get(key) ?? new Set<Held>()
    let timer: Timer | undefined
    const wake = (): void => {
      timer?.cancel()
      signal?.removeEventListener('abort', wake)
      held.delete(one)
      if (held.size === 0) table.delete(key)
      this.#held -= 1
      done()
    }
    const one = { due, wake }
    timer = this.#parts.clock.after(patience, wake)
    // Whoever asked is gone: its place is another's now.
    signal?.addEventListener('abort', wake)
    held.add(one)
    table.set(key, held)
    this.#held += 1
  }
}

function wakeAll(held: Set<Held> | undefined): void {
  if (held) for (const { wake } of [...held]) wake()
}

/** A write that was refused, or wrote what was there already, is no change. */
function wakeDue(held: Set<Held> | undefined): void {
  if (held) for (const { due, wake } of [...held]) if (due()) wake()
}

/** Whoever sends it here may have sent it to another leader before, this node itself included: the id tells. */
function writeOf(body: Fields): KvWrite {
  return {
    key: text(body, 'key', 4096),
    flags: optionalCount(body, 'flags') ?? 0,
    cas: optionalCount(body, 'cas'),
    actor: text(body, 'actor', 256),
    request: requestOf(body),
  }
}

export function requestOf(body: Fields): RequestId {
  const from = fields(body.request, 'request')
  return {
    client: text(from, 'client', 80),
    serial: count(from, 'serial'),
    acked: count(from, 'acked'),
  }
}

function queryOf(body: Fields): PageQuery {
  const consistency = optionalText(body, 'consistency')
  return {
    key: text(body, 'key', 4096),
    recurse: flag(body, 'recurse'),
    consistency: consistency === 'stale' || consistency === 'consistent' ? consistency : 'default',
    index: optionalCount(body, 'index'),
    wait: optionalCount(body, 'wait'),
    bare: flag(body, 'bare'),
    after: optionalText(body, 'after', 4096),
    // An older build knows nothing of pages and would take the first for all.
    bytes: flag(body, 'pages') ? pageBytes : undefined,
  }
}

function tooLarge(key: string, value: Uint8Array): Outcome | undefined {
  // A UTF-16 unit is at most three bytes of UTF-8: short keys need no counting.
  const bytes = key.length * 3 <= kvLimits.keyBytes ? key.length : utf8(key).length
  if (bytes === 0 || bytes > kvLimits.keyBytes) {
    return {
      ok: false,
      code: 'TOO_LARGE',
      message: `the key has ${bytes} bytes; 1 to ${kvLimits.keyBytes} are allowed`,
    }
  }
  if (value.length > kvLimits.valueBytes) {
    return {
      ok: false,
      code: 'TOO_LARGE',
      message: `the value has ${value.length} bytes; the limit is ${kvLimits.valueBytes}`,
      remedy: 'split it over several keys, or keep a reference to where it lies',
    }
  }
  return undefined
}
