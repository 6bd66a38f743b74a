import { hash } from '../../base/random.ts'
import { count, optionalCount, text } from '../../base/shape.ts'
import type { Clock, Timer } from '../../base/time.ts'
import type { ClusterView } from '../../cluster/view.ts'
import type { Links } from '../../net/link-types.ts'
import { type Methods, refusal } from '../requests.ts'
import type { Self } from '../self.ts'

/**
 * How a node that carries no log keeps up: it holds a question open at one control node, which answers
 * when something administrative was agreed. The control node is picked by rendezvous hashing, so that
 * the load spreads and each node comes back to the same one.
 */
export interface FollowingParts {
  readonly self: Self
  readonly clock: Clock
  readonly links: Links
  /** True: this node has the log itself, or no cluster. */
  idle(): boolean
  /** How far this node knows the event log. */
  seen(): number
  learned(view: ClusterView): void
}

const hold = 5_000
const pause = { first: 100, most: 2_000 }

export class Following {
  readonly #parts: FollowingParts
  #view: ClusterView | undefined
  #asking = false
  #misses = 0
  #retry: Timer | undefined

  constructor(parts: FollowingParts) {
    this.#parts = parts
  }

  get view(): ClusterView | undefined {
    return this.#view
  }

  /** A digest came another way. */
  take(view: ClusterView): void {
    if (this.#view && isOlder(view, this.#view)) return
    this.#view = view
    this.#parts.learned(view)
  }

  forget(): void {
    this.#view = undefined
  }

  /** Starts, or goes on; harmless when already under way. */
  follow(): void {
    const { self, links, clock } = this.#parts
    if (this.#asking || this.#parts.idle()) return
    this.#retry?.cancel()
    const guardian = this.#guardian()
    if (!guardian) return
    this.#asking = true
    const { epoch } = self.facts.cluster ?? {}
    const body = {
      ...{ version: this.#view?.version ?? 0, id: self.id, seen: this.#parts.seen() },
      ...(epoch !== undefined && { epoch }),
    }
    links.request(guardian, 'follow', body, hold + 2_000, outcome => {
      this.#asking = false
      if (outcome.ok) {
        this.#misses = 0
        const view = outcome.body as ClusterView | null
        // It was asked before this node had the log itself, which may say more by now.
        if (view && !this.#parts.idle()) this.take(view)
        return this.follow()
      }
      this.#misses += 1
      const wait = Math.min(pause.first * 2 ** this.#misses, pause.most)
      this.#retry = clock.after(wait, () => this.follow())
    })
  }

  #guardian(): string | undefined {
    const { self } = this.#parts
    const control = this.#view?.control ?? self.facts.cluster?.control ?? []
    const ranked = control
      .filter(c => c.id !== self.id)
      .map(c => ({ id: c.id, weight: hash(`${c.id} ${self.id}`) }))
      .sort((a, b) => b.weight - a.weight)
    const at = this.#misses % (ranked.length + 1)
    return ranked[at]?.id ?? this.#stranger(ranked.length) ?? ranked[0]?.id
  }

  /** None of those that this node knew carries the log any more, perhaps: whoever is linked may. */
  #stranger(known: number): string | undefined {
    const linked = this.#parts.links.connectedPeers()
    return linked[Math.floor(this.#misses / (known + 1)) % Math.max(1, linked.length)]
  }
}

/** Of a rescued cluster the log may have fewer events than the one that was lost. */
function isOlder(a: ClusterView, b: ClusterView): boolean {
  if (a.cluster.epoch !== b.cluster.epoch) return a.cluster.epoch < b.cluster.epoch
  return a.version < b.version
}

/** The other end of it, on a control node. */
export function followMethods(parts: {
  view(id: string): ClusterView | undefined
  /** Until that node's view is newer than `version`, or so many ms have passed. */
  wait(id: string, version: number, patience: number, done: () => void): void
  /**
   * Whether the first validation would refuse such a node by now. It met this one when both were of an older epoch;
   * then it is met anew, and this one's news do not carry it over what the cluster has forgotten.
   */
  outdated(from: string, history: { readonly epoch: number; readonly seen: number }): boolean
  /** Known to this node. */
  leader(): string | null
  /** Its log says nothing new: the disk takes nothing more, or what comes is for a newer hive. */
  atAnEnd(): boolean
}): Methods {
  return {
    follow: ({ from, body, answer }) => {
      const id = text(body, 'id', 36)
      const version = count(body, 'version')
      const epoch = optionalCount(body, 'epoch')
      const seen = optionalCount(body, 'seen') ?? 0
      if (!parts.view(id))
        return answer({ ok: false, code: 'NOT_LEADER', message: 'this node carries no log' })
      if (parts.atAnEnd())
        return answer(refusal('NOT_LEADER', 'the log of this node does not go on'))
      parts.wait(id, version, hold, () => {
        if (epoch !== undefined && parts.outdated(from, { epoch, seen }))
          return answer(refusal('EPOCH_MISMATCH', `${id} may believe in what is gone`))
        const view = parts.view(id)
        if (view && view.version > version) return answer({ ok: true, body: view })
        // Cut off, it would keep its followers from the news without either of them knowing.
        if (parts.leader() === null)
          return answer({ ok: false, code: 'NO_QUORUM', message: 'no leader is known here' })
        answer({ ok: true, body: null })
      })
    },
  }
}
