import type { Clock, Instant, Millis } from '../../base/time.ts'
import { wrongBy } from '../../cluster/clocks.ts'
import { shownSpan } from '../../cluster/first-validation.ts'
import type { Links } from '../../net/link-types.ts'
import type { Methods } from '../requests.ts'
import type { ControlPlane } from './control-plane.ts'

/** The leader holds its clock against those of the other control nodes, and again when it has jumped. */
export interface ClockWatchParts {
  readonly self: { readonly id: string; readonly name: string }
  readonly clock: Clock
  readonly links: Pick<Links, 'request'>
  /** Clocks may differ by this much. */
  readonly limit: Millis
  plane(): ControlPlane | undefined
}

const patience: Millis = 1_000
/** Another node's clock may have been wrong, or set right since. */
const again: Millis = 60_000
/** Nobody is certified while all contradict the leader: whether they still do. */
const againIfWrong: Millis = 5_000

export class ClockWatch {
  readonly #parts: ClockWatchParts
  #asking = false
  /** What wall clock less running time was when the others were last heard; undefined: never. */
  #base: Millis | undefined
  #term = -1
  #heardAt: Instant = 0
  #wrongBy: Millis = 0

  constructor(parts: ClockWatchParts) {
    this.#parts = parts
  }

  methods(): Methods {
    return { wall: ({ answer }) => answer({ ok: true, body: { wall: this.#wall } }) }
  }

  /** Of the leader: asks the others when it does not know, or they may have changed. */
  look(): void {
    const plane = this.#parts.plane()
    if (!plane?.isLeader()) return
    const pace = this.#wrongBy === 0 ? again : againIfWrong
    const old = this.#parts.clock.now() - this.#heardAt > pace
    if (old || !this.#isKnown(plane)) this.#ask(plane)
  }

  /** Whether what this leader calls the time may be agreed as such. */
  get isRight(): boolean {
    const plane = this.#parts.plane()
    return plane !== undefined && this.#isKnown(plane) && this.#wrongBy === 0
  }

  notices(): readonly string[] {
    const { self, plane } = this.#parts
    if (this.#wrongBy === 0 || !plane()?.isLeader()) return []
    const span = `${shownSpan(Math.abs(this.#wrongBy))} ${this.#wrongBy > 0 ? 'behind' : 'ahead of'}`
    return [
      `${self.name}: leads, and its clock is ${span} those of the other control nodes: it gives no certificates and forgets nothing meanwhile; set it (chronyc makestep, or timedatectl set-ntp true)`,
    ]
  }

  get #wall(): number {
    return Math.floor(this.#parts.clock.wall())
  }

  get #drift(): Millis {
    const { clock } = this.#parts
    return clock.wall() - clock.now()
  }

  #isKnown({ term }: ControlPlane): boolean {
    if (this.#base === undefined || this.#term !== term) return false
    return Math.abs(this.#drift - this.#base) <= this.#parts.limit / 2
  }

  #ask(plane: ControlPlane): void {
    if (this.#asking) return
    const { self, links, clock, limit } = this.#parts
    const { voters } = plane.state
    const { term } = plane
    const others = voters.filter(id => id !== self.id)
    const base = this.#drift
    const begun = clock.now()
    const offsets: Millis[] = []
    let open = others.length
    this.#asking = true
    const heard = (): void => {
      this.#asking = false
      this.#term = term
      this.#base = base
      this.#heardAt = clock.now()
      this.#wrongBy = wrongBy(offsets, voters.length, limit)
    }
    if (open === 0) return heard()
    for (const id of others) {
      links.request(id, 'wall', {}, patience, outcome => {
        const { wall } = outcome.ok ? (outcome.body as { readonly wall?: unknown }) : {}
        // One that does not say speaks against nobody.
        if (typeof wall === 'number') offsets.push(wall - base - (begun + clock.now()) / 2)
        if (--open === 0) heard()
      })
    }
  }
}
