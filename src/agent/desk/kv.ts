import type { KvQuery } from '../../api/types.ts'
import { kvLimits } from '../../api/types.ts'
import { type Fields, flag, optionalCount, optionalText, text } from '../../base/shape.ts'
import { utf8 } from '../../base/utf8.ts'
import type { RequestId } from '../../state/events.ts'
import type { Outcome } from '../../state/types.ts'
import type { AppliedEntry, ControlPlane } from '../control/control-plane.ts'
import { type Methods, type PeerRequest, requestOf } from '../requests.ts'
import { asLeader, type DeskParts, notLeader, outcomeOf } from './desk.ts'
import { HeldReads } from './held-reads.ts'
import { type KvPage, packed, pageBytes } from './kv-pages.ts'

/** Consul's bounds of `?wait=`, ms. */
const longestWait = 600_000

export interface KvWrite {
  readonly key: string
  readonly flags: number
  readonly cas?: number
  readonly actor: string
  readonly request?: RequestId
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
  readonly #held: HeldReads

  constructor(parts: DeskParts) {
    this.#parts = parts
    this.#held = new HeldReads(parts.clock)
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

  /** null: leadership was lost, or nothing new is heard here any more. A stale read answers from what this node has applied. */
  read(plane: ControlPlane, query: PageQuery, done: ReadDone): void {
    const answer = (): void => {
      const now = this.#look(plane, query)
      const { key, recurse, index: after, signal } = query
      const stale = query.consistency === 'stale'
      if (after === undefined || now.index > after || this.#held.full) return done(now)
      // It was lost with a quorum, and what is written from here on may stay below it for long.
      if (!stale && after > plane.state.applied) return done(now)
      const patience = Math.min(query.wait ?? 300_000, longestWait)
      const held = { key, recurse, after, stale, signal }
      const { hears } = this.#parts
      const tells = (): boolean => (stale ? this.#parts.plane() === plane : hears(plane))
      this.#held.hold(held, patience, () => done(tells() ? this.#look(plane, query) : null))
    }
    if (query.consistency === 'stale') return answer()
    plane.read(index => (index === null ? done(null) : answer()))
  }

  /** Wakes the readers of the keys that changed. */
  applied({ state }: ControlPlane, batch: readonly AppliedEntry[]): void {
    if (this.#held.none) return
    this.#held.applied(
      state,
      batch.flatMap(({ event }) => event ?? []),
    )
  }

  /** Any key may be another now. */
  replaced({ state }: ControlPlane): void {
    this.#held.replaced(state)
  }

  /** Nothing more will be heard here: the agent stops, or the log is not this node's any more, and others are to be asked. */
  wakeAll(): void {
    this.#held.wakeAll()
  }

  /** Nothing new is heard here, though this node has the log: who wants to hear it is to ask others. */
  wakeLed(): void {
    this.#held.wakeLed()
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
