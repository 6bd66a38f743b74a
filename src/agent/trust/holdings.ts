import { fields } from '../../base/shape.ts'
import type { Links } from '../../net/link-types.ts'
import type { NodeRecord } from '../../state/types.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import type { StorageFault } from '../control/storage-fault.ts'
import type { Gossip } from '../membership/gossip.ts'
import type { Self } from '../self.ts'
import { carriersOf } from './control-keys.ts'
import type { Security } from './security.ts'

/** What a node says of the keys and certificates that it has. */
export interface Holding {
  readonly gossip: ReadonlySet<number>
  readonly primary: number
  readonly authorities: ReadonlySet<string>
  readonly control: ReadonlySet<string>
  /** The authority of its own certificate; undefined: it has none, or does not tell. */
  readonly certifier: string | undefined
  /** Its disk refuses what is new: it has no vote, and keeps nothing until it is mended. */
  readonly failing: boolean
}

export interface HoldingsParts {
  readonly self: Self
  readonly links: Links
  readonly gossip: Gossip
  readonly security: Security
  readonly fault: StorageFault
}

const askPatience = 3_000
/** Nodes asked at a time. */
const maxAsked = 64

/** Who holds what, as the leader has heard it in its term. */
export class Holdings {
  readonly #parts: HoldingsParts
  readonly #heard: () => void
  /** `said`: in its words, to tell news by. */
  readonly #known = new Map<string, { readonly holding: Holding; readonly said: string }>()
  readonly #asked = new Set<string>()

  /** `heard`: called when somebody holds something else than it did. */
  constructor(parts: HoldingsParts, heard: () => void) {
    this.#parts = parts
    this.#heard = heard
  }

  get(id: string): Holding | undefined {
    return this.#known.get(id)?.holding
  }

  /** A node said so, in answer to whatever. Throws MalformedError. */
  learn(id: string, body: unknown): void {
    const before = this.#known.get(id)?.said
    // One that has not moved is asked again in the next round, not at once.
    if (this.#note(id, body) !== before) this.#heard()
  }

  #note(id: string, body: unknown): string {
    const said = JSON.stringify(body)
    this.#known.set(id, { holding: readHolding(body), said })
    return said
  }

  forget(): void {
    this.#known.clear()
  }

  /** What this node answers. */
  own(): unknown {
    const { security, fault } = this.#parts
    const { authorities = [], certificate } = security.member ?? {}
    const certifier = certificate && authorities.find(a => security.notary.issued(a, certificate))
    return {
      gossip: security.ring?.keys.map(k => k.id) ?? [],
      primary: security.ring?.primary ?? 0,
      authorities: authorities.map(a => security.notary.inspect(a).fingerprint),
      control: security.controlKeys.map(k => k.id),
      ...(certifier && { certifier: security.notary.inspect(certifier).fingerprint }),
      ...(fault.failure && { failing: true }),
    }
  }

  /** Asks those who answer what they hold, while somebody has yet to catch up. */
  survey(plane: ControlPlane): void {
    const { self, links, gossip } = this.#parts
    for (const id of [...this.#known.keys()]) if (!plane.state.nodes.has(id)) this.#known.delete(id)
    this.#note(self.id, this.own())
    for (const node of plane.state.nodes.values()) {
      const { id } = node
      if (id === self.id) continue
      if (!links.isConnected(id) && !gossip.counts(node)) {
        this.#known.delete(id)
        continue
      }
      const asks = this.#asked.has(id) || this.#asked.size >= maxAsked
      if (asks || this.#isCurrent(plane, id)) continue
      this.#asked.add(id)
      links.request(id, 'holding', {}, askPatience, outcome => {
        this.#asked.delete(id)
        if (outcome.ok) this.learn(id, outcome.body)
      })
    }
  }

  /** Of all nodes that answer; false as long as one of them has not said. */
  everybody(plane: ControlPlane, holds: (holding: Holding) => boolean): boolean {
    for (const node of plane.state.nodes.values()) {
      const holding = this.get(node.id)
      if (this.#isThere(node) && !(holding && holds(holding))) return false
    }
    return true
  }

  #isThere(node: NodeRecord): boolean {
    const { gossip, links, self } = this.#parts
    if (node.id === self.id || links.isConnected(node.id)) return true
    return gossip.counts(node) && node.phase !== 'failed'
  }

  /** Its last word is all that it could say. */
  #isCurrent(plane: ControlPlane, id: string): boolean {
    const holding = this.get(id)
    if (!holding || holding.failing) return false
    const { gossipKeys, authorities } = plane.state
    const rings =
      gossipKeys.keys.every(k => holding.gossip.has(k.id)) && holding.primary === gossipKeys.primary
    const believes = [...authorities.keys()].every(fingerprint =>
      holding.authorities.has(fingerprint),
    )
    const control =
      !carriersOf(plane).includes(id) ||
      this.#parts.security.controlKeys.every(k => holding.control.has(k.id))
    const { certifier } = holding
    const certified = certifier === undefined || certifier === [...authorities.keys()].at(-1)
    return rings && believes && control && certified
  }
}

/** Throws MalformedError. */
function readHolding(body: unknown): Holding {
  const raw = fields(body, 'holding')
  const list = (key: string) => (Array.isArray(raw[key]) ? (raw[key] as unknown[]) : [])
  const words = (key: string) => new Set(list(key).filter(x => typeof x === 'string'))
  return {
    gossip: new Set(list('gossip').filter(x => typeof x === 'number')),
    primary: typeof raw.primary === 'number' ? raw.primary : -1,
    authorities: words('authorities'),
    control: words('control'),
    certifier: typeof raw.certifier === 'string' ? raw.certifier : undefined,
    failing: raw.failing === true,
  }
}
