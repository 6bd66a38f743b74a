import { fields } from '../../base/shape.ts'
import type { Links } from '../../net/link-types.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import type { StorageFault } from '../control/storage-fault.ts'
import { neededControlKeys } from '../desk/trust.ts'
import { type Methods, refusal } from '../requests.ts'
import type { Self } from '../self.ts'
import type { Watch } from '../watch.ts'
import type { Holdings } from './holdings.ts'
import type { Security } from './security.ts'

export interface ControlKeysParts {
  readonly self: Self
  readonly links: Links
  readonly security: Security
  readonly fault: StorageFault
  /** Bumped when this node holds more than it did. */
  readonly admin: Watch
  plane(): ControlPlane | undefined
  /** Whether the node that is linked under this id has proved to be it. */
  isMember(id: string): boolean
}

const askPatience = 3_000

/** Secrets of the agreed state are sealed with control keys, which are in no log: control nodes hand them to each other. */
export class ControlKeys {
  readonly #parts: ControlKeysParts
  readonly #holdings: Holdings
  readonly #asked = new Set<string>()
  readonly #given = new Set<string>()

  constructor(parts: ControlKeysParts, holdings: Holdings) {
    this.#parts = parts
    this.#holdings = holdings
  }

  methods(): Methods {
    return {
      /** A control node, to the others: the keys themselves. */
      'control-keys': ({ from, identity, answer }) => {
        const plane = this.#parts.plane()
        const carries = plane !== undefined && carriersOf(plane).includes(from)
        if (!carries || !identity)
          return answer(refusal('REFUSED', 'control keys are for control nodes'))
        answer({ ok: true, body: { keys: this.#texts() } })
      },
      'control-keys-take': ({ from, body, identity, answer }) => {
        const plane = this.#parts.plane()
        if (!identity || !plane || plane.leader() !== from) {
          return answer(refusal('REFUSED', 'control keys come from the leader'))
        }
        // It says then that its disk fails: the leader is to wait for nothing here.
        this.#parts.fault.guard(() => this.#take(plane, body), undefined)
        answer({ ok: true, body: this.#holdings.own() })
      },
    }
  }

  /** One more, which the next secrets are sealed with. Throws OperatorError: it cannot be kept. */
  add(plane: ControlPlane): void {
    this.#parts.security.newControlKey(neededControlKeys(plane))
  }

  /** False: there is none, and the disk refuses the first one. */
  exist(plane: ControlPlane): boolean {
    const { security, fault } = this.#parts
    if (security.controlKeys.length === 0) fault.guard(() => this.add(plane), undefined)
    return security.controlKeys.length > 0
  }

  /** All that something agreed is sealed with. */
  hasNeeded(plane: ControlPlane): boolean {
    const have = new Set(this.#parts.security.controlKeys.map(k => k.id))
    return [...neededControlKeys(plane)].every(id => have.has(id))
  }

  /** A control node that was away when the others got their keys asks them. */
  fetch(plane: ControlPlane): void {
    const { links, self, fault, isMember } = this.#parts
    if (this.hasNeeded(plane)) return
    for (const id of carriersOf(plane)) {
      if (id === self.id || this.#asked.has(id)) continue
      this.#asked.add(id)
      links.request(id, 'control-keys', {}, askPatience, outcome => {
        this.#asked.delete(id)
        if (!outcome.ok || !isMember(id)) return
        fault.guard(() => this.#take(plane, fields(outcome.body)), undefined)
      })
    }
  }

  /**
   * The leader's part. True: every control node that answers and can keep anything, and a quorum of them, can open what is
   * sealed and will be.
   */
  share(plane: ControlPlane): boolean {
    const { self, security } = this.#parts
    const holdings = this.#holdings
    const wanted = [...neededControlKeys(plane), security.controlKeys.at(-1)!.id]
    const has = (id: string) =>
      id === self.id || wanted.every(key => holdings.get(id)?.control.has(key))
    const able = carriersOf(plane).filter(id => holdings.get(id)?.failing === false)
    for (const id of able) if (!has(id)) this.#give(id)
    const quorum = Math.floor(plane.state.voters.length / 2) + 1
    return plane.state.voters.filter(has).length >= quorum && able.every(has)
  }

  #give(id: string): void {
    const { links, isMember } = this.#parts
    if (this.#given.has(id) || !isMember(id)) return
    this.#given.add(id)
    links.request(id, 'control-keys-take', { keys: this.#texts() }, askPatience, outcome => {
      this.#given.delete(id)
      if (outcome.ok) this.#holdings.learn(id, outcome.body)
    })
  }

  #take(plane: ControlPlane, body: Record<string, unknown>): void {
    const needed = neededControlKeys(plane)
    const keys = Array.isArray(body.keys) ? body.keys : []
    let fresh = false
    for (const text of keys) {
      if (typeof text !== 'string' || text.length > 64) continue
      const key = Buffer.from(text, 'base64url')
      if (key.length === 32) fresh = this.#parts.security.learnControlKey(key, needed) || fresh
    }
    if (fresh) this.#parts.admin.bump(this.#parts.admin.current)
  }

  #texts(): readonly string[] {
    return this.#parts.security.controlKeys.map(k => Buffer.from(k.key).toString('base64url'))
  }
}

/** Who may come to lead, and has to open what is sealed. */
export function carriersOf({ state }: ControlPlane): readonly string[] {
  return [...state.voters, ...state.observers]
}
