import { OperatorError } from '../../base/errors.ts'
import type { Clock, Instant, Millis } from '../../base/time.ts'
import type { Trace } from '../../base/trace.ts'
import { givesIn, isHome } from '../../cluster/epoch.ts'
import type { Hello } from '../../net/handshake.ts'
import type { Links } from '../../net/link-types.ts'
import type { NodeFacts } from '../../store/types.ts'
import type { StorageFault } from '../control/storage-fault.ts'
import type { Self } from '../self.ts'

/**
 * A node that was away comes home to a newer epoch. It looks whether it stands alone, and then starts anew;
 * a side that still has a quorum stays as it is and says what an operator can do.
 */
export interface HomecomingParts {
  readonly self: Self
  readonly clock: Clock
  readonly trace: Trace
  readonly links: Links
  readonly fault: StorageFault
  /** Control nodes of this node's own epoch, as far as it knows; itself among them if it is one. */
  control(): readonly string[]
  /** Sets aside what this node knows and bootstraps anew in that history, under the same id and name; says where it is. Throws STORAGE. */
  startAnew(home: Home): string
}

/** A history of this node's cluster that is not its own, and who told. */
export interface Home {
  readonly epoch: number
  readonly lineage: number
  readonly by: string
}

/** Long enough to reach every control node that can be reached, with a lost packet or two. */
const lookFor: Millis = 3_000
/** A side that stands is looked at again after so long, when it is refused again. */
const lookAgain: Millis = 10_000

/** Who refused this node for its epoch counts as alive for so long. */
const remembered: Millis = 60_000

export class Homecoming {
  readonly #parts: HomecomingParts
  #looking = false
  #lookedAt: Instant = Number.NEGATIVE_INFINITY
  #standing: Home | undefined
  /** The newest that this node was refused by, and when. */
  #home: Home | undefined
  #refusedAt: Instant = Number.NEGATIVE_INFINITY

  constructor(parts: HomecomingParts) {
    this.#parts = parts
  }

  /** `by` is of another history of this cluster, and will not speak to us. */
  refusedBy(by: Hello): void {
    const { self, clock, links, trace } = this.#parts
    const ours = self.facts.cluster
    const theirs = by.allegiance
    if (!ours || theirs?.tag !== ours.tag || theirs.epoch < ours.epoch) return
    const home = { epoch: theirs.epoch, lineage: theirs.lineage ?? 0, by: by.name }
    this.#home = home
    this.#refusedAt = clock.now()
    if (theirs.epoch === ours.epoch) return
    if (this.#looking || clock.now() < this.#lookedAt + lookAgain) return
    this.#looking = true
    const control = this.#parts.control()
    trace.warn(
      { by: by.name, epoch: ours.epoch, theirs: theirs.epoch },
      'a newer epoch of this cluster exists; looking who else is of ours',
    )
    for (const id of control) if (id !== self.id) links.connect(id)
    clock.after(lookFor, () => {
      this.#looking = false
      this.#lookedAt = clock.now()
      // It may be another node by now, of another cluster.
      const now = self.facts.cluster
      if (now?.tag !== ours.tag || now.epoch !== ours.epoch) return
      const reached = new Set([...links.connectedPeers(), self.id])
      if (givesIn({ control: this.#parts.control(), reached }))
        return this.#parts.fault.guard(() => void this.#parts.startAnew(home), undefined)
      this.#standing = home
    })
  }

  /** A newer epoch whose members were here a moment ago: the cluster goes on there. */
  get newer(): Home | undefined {
    const { self, clock } = this.#parts
    const isLately = clock.now() < this.#refusedAt + remembered
    const isNewer = (this.#home?.epoch ?? 0) > (self.facts.cluster?.epoch ?? 0)
    return isLately && isNewer ? this.#home : undefined
  }

  /** This node belongs to another history now. */
  forget(): void {
    this.#standing = undefined
    this.#home = undefined
    this.#lookedAt = Number.NEGATIVE_INFINITY
  }

  /** An operator's word that this node gives in; throws REFUSED where there is nothing to give in to, STORAGE. */
  yield(lineage: number | undefined): string {
    const { self } = this.#parts
    const { cluster } = self.facts
    if (!cluster)
      throw new OperatorError(
        'NOT_INITIALISED',
        'this node belongs to no cluster',
        'hive join ADDR',
      )
    const home = this.#home
    if (!home) {
      throw new OperatorError(
        'REFUSED',
        `no other history of «${cluster.name}» has refused this node since it started`,
        'hive status shows who refused whom',
      )
    }
    if (lineage !== undefined && lineage === home.lineage) {
      throw new OperatorError(
        'REFUSED',
        'this node carries the log of that very history: it would forget what it promised',
        'hive reset makes it a new node',
      )
    }
    return this.#parts.startAnew(home)
  }

  notices(): readonly string[] {
    const { self } = this.#parts
    const { cluster } = self.facts
    if (!cluster || !this.#standing) return []
    const { by, epoch } = this.#standing
    return [
      `${self.name}: «${cluster.name}» has an epoch ${epoch} (seen at ${by}) and this side, with a quorum of its own, is still of epoch ${cluster.epoch}: ` +
        'two clusters of one name; on each node of the side that is to give in: hive recover yield',
    ]
  }
}

/** Whether that peer is of the history that a returning node looks for. */
export function isHomeOf(
  returning: NonNullable<NodeFacts['returning']>,
  { allegiance }: Pick<Hello, 'allegiance'>,
): boolean {
  return allegiance?.tag === returning.tag && isHome(returning, allegiance)
}
