import type { Address } from '../../base/address.ts'
import type { ErrorCode } from '../../base/errors.ts'
import type { Clock } from '../../base/time.ts'
import { isOneHistory } from '../../cluster/epoch.ts'
import {
  type Allegiance,
  cureOf,
  firstValidation,
  missedDeletions,
  type Party,
} from '../../cluster/first-validation.ts'
import {
  dialable,
  type Hello,
  protocol,
  type ValidationHandler,
  type Verdict,
} from '../../net/handshake.ts'
import type { PeerIdentity } from '../../net/types.ts'
import { runHandlers } from '../../net/validation.ts'
import type { Levels } from '../levels.ts'
import type { AgentConfig } from '../process/config.ts'
import type { Self } from '../self.ts'
import type { Claims } from './claims.ts'
import type { Journal } from './journal.ts'

export interface GateParts {
  readonly self: Self
  readonly clock: Clock
  readonly config: Pick<AgentConfig, 'roles' | 'dc' | 'maxClockSkew'>
  readonly journal: Journal
  readonly claims: Claims
  readonly levels: Levels
  /** Rules of roles and modules, asked in this order after hive's own. */
  handlers(): readonly ValidationHandler[]
  /** In the middle of an init or a join. */
  busy(): boolean
  /** In the physical or logical topology, or a partner of the init under way. */
  known(id: string): boolean
  /** It has proved to be one of us; of what others say of themselves, nothing is believed. */
  isMember(id: string, identity: PeerIdentity | undefined): boolean
  /** It has proved as much as one of us can prove to this node. */
  mayBelong(id: string, identity: PeerIdentity | undefined): boolean
  /** This node carries the log. */
  carries(): boolean
  /** How far this node knows the event log, as of this start. */
  seen(): number
  /** A peer of our cluster is of another epoch than we are. */
  outdated(by: Hello): void
  /** It is put off until it is known whether its claim is true, which perhaps it alone can tell. */
  putOff(id: string, at: Address): void
  /** The id that it comes under as long as it can prove none; undefined: its own. */
  alias?(): string | undefined
  /** What this node proves itself by. */
  proof?(): Readonly<Record<string, string>>
}

/** Ids remembered as refused: more than one cluster can have of nodes that went astray. */
const maxShutOut = 1024

/** Who this node says it is, and whom it lets speak: the first validation with all that it needs to know. */
export class Gate {
  readonly #parts: GateParts
  readonly #shut = new Set<string>()

  constructor(parts: GateParts) {
    this.#parts = parts
  }

  hello(): Hello {
    const { self, config, clock, levels, proof } = this.#parts
    const { clock: _, ...party } = this.#party()
    return {
      ...party,
      id: this.#parts.alias?.() ?? party.id,
      address: self.address,
      incarnation: self.facts.incarnation,
      roles: config.roles,
      dc: config.dc,
      proof: { ...proof?.(), ...levels.proof, clock: String(clock.wall()) },
    }
  }

  /** `asked`: the peer dialled us. */
  validate(
    hello: Hello,
    from: Address,
    identity: PeerIdentity | undefined,
    asked: boolean,
  ): Verdict {
    const claim = this.#claim(hello)
    const own = firstValidation(this.#party(), partyOf(hello), {
      known: this.#parts.known(hello.id),
      asked,
      clockLimit: this.#parts.config.maxClockSkew,
      horizon: this.#parts.self.facts.cluster?.horizon ?? 0,
      claim,
    })
    const verdict =
      own.outcome === 'welcome' ? runHandlers(this.#parts.handlers(), hello, from, identity) : own
    if (verdict.outcome === 'welcome') {
      this.#shut.delete(hello.id)
      return verdict
    }
    if (verdict.outcome === 'rejected' && this.#parts.isMember(hello.id, identity)) {
      this.#shutOut(hello.id)
      if (isHistory(verdict.code)) this.#parts.outdated(hello)
    }
    const code = verdict.outcome === 'busy' ? 'BUSY' : verdict.code
    const address = dialable(hello, from)
    if (code === 'BUSY' && claim === 'unchecked' && this.#parts.mayBelong(hello.id, identity))
      this.#parts.putOff(hello.id, address)
    this.#parts.journal.refused(
      'by us',
      { name: hello.name, id: hello.id, address },
      code,
      verdict.reason,
      this.#cure(code, hello),
    )
    return verdict
  }

  /** How far this node knows the event log, or knew it before it started. */
  get seen(): number {
    return Math.max(this.#parts.seen(), this.#parts.self.facts.cluster?.seen ?? 0)
  }

  /** A follower that came when both were of an older epoch, and would be refused by now. */
  isOutgrown(theirs: { readonly epoch: number; readonly seen: number }): boolean {
    const { epoch, horizon = 0 } = this.#parts.self.facts.cluster ?? { epoch: 0 }
    return missedDeletions(theirs, { epoch, horizon })
  }

  /** It was refused the last time it came: its datagrams are not heard either. */
  isShutOut(id: string): boolean {
    return this.#shut.has(id)
  }

  #shutOut(id: string): void {
    this.#shut.delete(id)
    this.#shut.add(id)
    if (this.#shut.size > maxShutOut) this.#shut.delete(this.#shut.values().next().value!)
  }

  /** Of two histories, this node may be on the side that has to give in. */
  #cure(code: ErrorCode, { allegiance }: Hello): string {
    const ours = this.#parts.self.facts.cluster
    if (!ours || !allegiance || !isHistory(code)) return ''
    const other = (allegiance.lineage ?? 0) !== (ours.lineage ?? 0)
    const behind = allegiance.epoch > ours.epoch || (other && allegiance.epoch === ours.epoch)
    return behind ? cureOf(code) : ''
  }

  #party(): Party {
    const { self, clock, busy } = this.#parts
    const allegiance = this.#allegiance()
    return {
      id: self.id,
      name: self.name,
      protocolMin: protocol.min,
      protocolMax: protocol.max,
      version: self.version,
      busy: busy(),
      clock: clock.wall(),
      ...(allegiance && { allegiance }),
    }
  }

  #allegiance(): Allegiance | undefined {
    const { self, carries } = this.#parts
    const { cluster } = self.facts
    if (!cluster) return undefined
    const { tag, name: clusterName, epoch, metaVersion, lineage } = cluster
    return {
      ...{ tag, clusterName, epoch, metaVersion },
      ...(lineage !== undefined && { lineage }),
      seen: this.seen,
      ...(carries() && { carries: true }),
    }
  }

  #claim({ id, allegiance }: Hello) {
    const ours = this.#parts.self.facts.cluster
    if (!allegiance) this.#parts.claims.withdrawn(id)
    if (!ours || !allegiance || !isOneHistory(ours, allegiance)) return 'confirmed'
    // Of a later epoch more may have changed than this node can know: that is the epochs' row.
    if (allegiance.epoch > ours.epoch) return 'confirmed'
    return this.#parts.claims.judge(id, allegiance.metaVersion, ours.metaVersion)
  }
}

/** Refusals that say: the two go back to different histories, or to different moments of one. */
export function isHistory(code: ErrorCode): boolean {
  return code === 'EPOCH_MISMATCH' || code === 'DIVERGED'
}

function partyOf(hello: Hello): Party {
  const clock = Number(hello.proof.clock ?? Number.NaN)
  return { ...hello, ...(Number.isFinite(clock) && { clock }) }
}
