import type { Address } from '../base/address.ts'
import { OperatorError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { EpochMillis } from '../base/time.ts'
import { uuidv7 } from '../base/uuid.ts'
import type { NodeDescription } from '../state/events.ts'
import type { NodeFacts, Storage } from '../store/types.ts'
import type { AgentConfig } from './process/config.ts'

/** Another node that takes its place in silence would begin without all that is kept here. */
const forgotten = new OperatorError(
  'SCHEMA',
  'node.db does not say who this node is, and the log of a cluster is beside it',
  'put node.db back; or move the data directory away, start it as a new node, and take the old one out with hive node remove',
)

/** Who this node is: the facts on its disk, and what it says of itself to others. */
export class Self {
  readonly #storage: Storage
  readonly #config: AgentConfig
  readonly #failed: (error: OperatorError) => void
  readonly version: string
  #facts: NodeFacts
  #address: Address
  /** The disk refused something of them, and has what was before. */
  #owed = false
  /** The incarnation of this boot; refutations and changes raise the current one beyond it. */
  readonly booted: number
  /** Fingerprint of the node's key; undefined: an agent without one. */
  key: string | undefined

  /** Counts a boot: the incarnation rises before anybody hears of it. */
  constructor(
    storage: Storage,
    config: AgentConfig,
    version: string,
    wall: EpochMillis,
    random: Random,
    failed: (error: OperatorError) => void,
  ) {
    this.#failed = failed
    this.#storage = storage
    this.#config = config
    this.version = version
    this.#address = config.advertise ?? config.bind
    const before = storage.readFacts()
    if (!before && storage.hasGroup()) throw forgotten
    this.#facts = before
      ? {
          ...before,
          incarnation: before.incarnation + 1,
          name: before.cluster || before.returning ? before.name : config.name,
        }
      : { id: uuidv7(wall, random), name: config.name, incarnation: 1, known: [], joining: [] }
    storage.writeFacts(this.#facts)
    this.booted = this.#facts.incarnation
  }

  get facts(): NodeFacts {
    return this.#facts
  }

  get id(): string {
    return this.#facts.id
  }

  get name(): string {
    return this.#facts.name
  }

  get address(): Address {
    return this.#address
  }

  /** Port 0 was asked for, or a wildcard host: what it came to. */
  boundTo(address: Address): void {
    if (this.#config.advertise && this.#config.advertise.port !== 0) return
    this.#address = { host: this.#config.advertise?.host ?? address.host, port: address.port }
  }

  /** Durable on return; throws STORAGE: then nothing may be built on it, and the disk is reported. */
  update(change: Partial<NodeFacts>): void {
    const next = { ...this.#facts, ...change }
    if (!this.#owed && JSON.stringify(next) === JSON.stringify(this.#facts)) return
    try {
      this.#storage.writeFacts(next)
    } catch (error) {
      if (error instanceof OperatorError) this.#failed(error)
      throw error
    }
    this.#facts = next
    this.#owed = false
  }

  /** For what may be learned again: counts here and now, also if the disk refuses it. */
  note(change: Partial<NodeFacts>): void {
    try {
      this.update(change)
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      this.#facts = { ...this.#facts, ...change }
      this.#owed = true
    }
  }

  /** Who it is as another node: what the old id promised, nobody remembers here. */
  renewed(wall: EpochMillis, random: Random): Pick<NodeFacts, 'id' | 'name' | 'incarnation'> {
    return { id: uuidv7(wall, random), name: this.#config.name, incarnation: 1 }
  }

  describe(): NodeDescription {
    return {
      id: this.id,
      name: this.name,
      address: this.#address,
      dc: this.#config.dc,
      version: this.version,
      incarnation: this.#facts.incarnation,
      roles: this.#config.roles,
      ...(this.key !== undefined && { key: this.key }),
    }
  }
}
