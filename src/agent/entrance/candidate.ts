import { OperatorError } from '../../base/errors.ts'
import { fields, flag, list, text } from '../../base/shape.ts'
import type { Clock } from '../../base/time.ts'
import type { Trace } from '../../base/trace.ts'
import type { Contact } from '../../cluster/contact.ts'
import type { Links, RequestOutcome } from '../../net/link-types.ts'
import type { NodeDescription } from '../../state/events.ts'
import type { NodeFacts } from '../../store/types.ts'
import { description } from '../desk/description.ts'
import { type Methods, refusal } from '../requests.ts'
import type { Self } from '../self.ts'

export interface CandidateParts {
  readonly self: Self
  readonly clock: Clock
  readonly trace: Trace
  readonly links: Links
  /** Makes an empty raft group with these voters on this node's disk. */
  createGroup(voters: readonly string[]): void
  /** Opens the group and lets raft run. */
  startGroup(): { suspectLeader(): void } | undefined
  /** Throws an unstarted group away. */
  dropGroup(): void
}

/** Who has started and hears no leader tells the others this often: the coordinator may be gone. */
const passOnPace = 1_000
/** After so many times it is worth a notice that others do not take part. */
const passOnsUntilTold = 10
/** A prepared node whose coordinator went silent is a zombie again after so long. */
const preparedPatience = 30_000

/** `init` (design §4) as a node takes part in it that is to be a control node: prepared, begun, or given up. */
export class Candidate {
  readonly #parts: CandidateParts
  /** How often this node has told the others to begin. */
  #passedOn = 0
  /** Who has begun, too. */
  readonly #takesPart = new Set<string>()

  constructor(parts: CandidateParts) {
    this.#parts = parts
  }

  methods(): Methods {
    return {
      'init-prepare': ({ body, answer }) => answer(this.prepare(body)),
      'init-start': ({ body, answer }) => {
        const control = list(body, 'control', 64).map(c => description(fields(c, 'control')))
        answer(
          this.start(text(body, 'tag', 36), control)
            ? { ok: true, body: {} }
            : refusal('REFUSED', 'this node is not prepared for that init'),
        )
      },
      'init-cancel': ({ body, answer }) => {
        this.cancel(text(body, 'tag', 36))
        answer({ ok: true, body: {} })
      },
      'init-status': ({ body, answer }) => {
        const { cluster } = this.#parts.self.facts
        const initialised = cluster?.tag === text(body, 'tag', 36)
        answer({ ok: true, body: { initialised, name: cluster?.name ?? '' } })
      },
    }
  }

  /** After a boot: an init that had not started leaves no trace, and one that had is gone on with. */
  resume(): void {
    const { group } = this.#parts.self.facts
    if (group?.prepared?.started) this.#passOn(group.tag)
    else if (group?.prepared) this.#abandon(group.tag)
  }

  /** An init that has begun here and comes to nothing. */
  notices(): readonly string[] {
    const { self } = this.#parts
    const { cluster, group } = self.facts
    const { prepared } = group ?? {}
    if (cluster || !prepared?.started || this.#passedOn < passOnsUntilTold) return []
    const waits = prepared.voters.filter(v => v.id !== self.id && !this.#takesPart.has(v.id))
    if (waits.length === 0) return []
    return [
      `${self.name}: the init of «${prepared.name}» by ${prepared.coordinator} has begun here and waits for ${waits.map(v => v.name).join(', ')}; ` +
        'it goes on by itself as soon as most of its control nodes take part; to give it up: hive reset here',
    ]
  }

  /**
   * Who has been told to start may be the only one that was. As long as no leader brings in those who missed it,
   * it tells those who are still prepared; one that is not any more refuses, since nobody knows what it promised.
   */
  #passOn(tag: string): void {
    const { self, links, clock } = this.#parts
    const { cluster, group } = self.facts
    const { prepared } = group ?? {}
    if (cluster || group?.tag !== tag || !prepared?.control) return
    const { control } = prepared
    this.#passedOn += 1
    for (const { id } of prepared.voters) {
      if (id === self.id) continue
      links.request(id, 'init-start', { tag, control }, passOnPace, ({ ok }) => {
        if (ok) this.#takesPart.add(id)
        else this.#takesPart.delete(id)
      })
    }
    clock.after(passOnPace, () => this.#passOn(tag))
  }

  prepare(body: unknown): RequestOutcome {
    const { self, clock } = this.#parts
    const from = fields(body)
    const { cluster, group, returning } = self.facts
    const tag = text(from, 'tag', 36)
    const name = text(from, 'name', 63)
    const home = cluster ?? returning
    if (home) return refusal('ALREADY_INITIALISED', `belongs to «${home.name}» already`)
    if (group && group.tag !== tag)
      return refusal(
        'BUSY',
        `an init by ${group.prepared?.coordinator ?? 'another node'} is under way`,
      )
    if (group) return { ok: true, body: self.describe() }
    const voters = list(from, 'voters', 64).map(contact)
    this.#parts.createGroup(voters.map(v => v.id))
    const prepared = {
      coordinator: text(from, 'coordinator', 256),
      name,
      voters,
      at: clock.wall(),
      started: false,
      ...(flag(from, 'approve') && { approve: true }),
    }
    self.update({ group: { tag, prepared }, abandoned: undefined })
    clock.after(preparedPatience, () => this.#abandon(tag))
    return { ok: true, body: self.describe() }
  }

  /** Undefined: it is not prepared for that one. */
  start(tag: string, control: readonly NodeDescription[]) {
    const { self } = this.#parts
    this.#takeUp(tag)
    const { group } = self.facts
    if (group?.tag !== tag) return undefined
    if (group.prepared && !group.prepared.started) {
      self.update({ group: { tag, prepared: { ...group.prepared, started: true, control } } })
      this.#parts.clock.after(passOnPace, () => this.#passOn(tag))
    }
    return this.#parts.startGroup()
  }

  cancel(tag: string, abandoned?: NodeFacts['abandoned']): void {
    const { self, trace } = this.#parts
    const { group } = self.facts
    if (group?.tag !== tag || !group.prepared || group.prepared.started) return
    trace.info({ tag }, 'init cancelled')
    self.note({ group: undefined, abandoned })
    this.#parts.dropGroup()
  }

  /** Nobody has said that it begins. Somebody may have heard so all the same, and then still needs this node. */
  #abandon(tag: string): void {
    const { prepared } = this.#parts.self.facts.group ?? {}
    if (prepared) this.cancel(tag, { tag, prepared })
  }

  #takeUp(tag: string): void {
    const { self, trace } = this.#parts
    const { abandoned, group, cluster, returning, left } = self.facts
    if (abandoned?.tag !== tag || group || cluster || returning || left) return
    trace.info({ tag }, 'an init that was given up here has begun elsewhere')
    const { prepared } = abandoned
    this.#parts.createGroup(prepared.voters.map(v => v.id))
    self.update({ group: { tag, prepared }, abandoned: undefined })
  }
}

export function contact(value: unknown): Contact {
  const from = fields(value, 'contact')
  const port = from.port
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new OperatorError('BAD_REQUEST', 'a contact without a port')
  }
  return {
    id: text(from, 'id', 36),
    name: text(from, 'name', 63),
    host: text(from, 'host', 253),
    port,
  }
}
