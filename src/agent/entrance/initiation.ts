import type { InitAnswer } from '../../api/types.ts'
import { formatAddress } from '../../base/address.ts'
import { MalformedError } from '../../base/bytes.ts'
import { OperatorError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { fields } from '../../base/shape.ts'
import type { Clock } from '../../base/time.ts'
import type { Trace } from '../../base/trace.ts'
import { uuidv7 } from '../../base/uuid.ts'
import { type Contact, contactOf } from '../../cluster/contact.ts'
import { chooseControl, type Sought, sameInit, validClusterName } from '../../cluster/init.ts'
import type { Links, RequestOutcome } from '../../net/link-types.ts'
import type { NodeDescription } from '../../state/events.ts'
import type { Member } from '../../swim/types.ts'
import { description } from '../desk/description.ts'
import { isLoopback } from '../process/exposure.ts'
import { excuse, refusal } from '../requests.ts'
import type { Self } from '../self.ts'
import { errorOf } from '../settled.ts'
import type { Candidate } from './candidate.ts'
import type { Entry } from './entry.ts'

export interface InitiationParts {
  readonly self: Self
  readonly clock: Clock
  readonly random: Random
  readonly trace: Trace
  readonly links: Links
  /** This node's own part, where it becomes a control node. */
  readonly candidate: Candidate
  members(): readonly Member[]
  /** Names of the control nodes, once initialised. */
  controlNames(): readonly string[]
  /** How this node gets in elsewhere: whom it was told to look for, and what came of it. */
  entry(): Pick<Entry, 'wanted' | 'refusal' | 'validating'>
}

export interface InitWish {
  readonly name?: string
  readonly control?: readonly string[]
  /** Nodes that are new wait for an operator. */
  readonly approve?: boolean
  readonly actor: string
}

interface InitStatus {
  readonly initialised: unknown
  readonly name: unknown
}

type Done = (
  outcome: { ok: true; answer: InitAnswer } | { ok: false; error: OperatorError },
) => void

const preparePatience = 5_000
/** Who was told to look for others looks for them so long, ms, before it decides who is there. */
const lookAround = 3_000
/** From start to the first committed event; an election takes well under a second. */
const commitPatience = 20_000
const poll = 50
const startAgain = 200
/**
 * `init` (design §4) as the node does it that was asked: prepare on every named node, start only when all are
 * prepared, then the group elects a leader and that commits the first event. Until `start` nobody has voted, so a cancel is safe.
 */
export class Initiation {
  readonly #parts: InitiationParts

  constructor(parts: InitiationParts) {
    this.#parts = parts
  }

  /** An operator's command. Repeating it is harmless. */
  run(asked: InitWish, done: Done, patience = lookAround): void {
    const { self, clock } = this.#parts
    const failed = (error: OperatorError) => done({ ok: false, error })
    const { cluster, group, returning } = self.facts
    if (returning)
      return failed(
        new OperatorError(
          'REFUSED',
          `this node is on its way home to «${returning.name}», epoch ${returning.epoch}`,
          'start a control node of it again; to give that up: hive reset here',
        ),
      )
    if (cluster) {
      const had = { name: cluster.name, control: this.#parts.controlNames() }
      if (sameInit(had, asked))
        return done({ ok: true, answer: this.#answer(had.control, 'already so', true) })
      return failed(
        new OperatorError(
          'ALREADY_INITIALISED',
          `already initialised as «${cluster.name}», tag ${cluster.tag}`,
          'a different cluster needs hive reset on its nodes first',
        ),
      )
    }
    if (group)
      return failed(
        new OperatorError(
          'BUSY',
          `an init by ${group.prepared?.coordinator ?? 'another node'} is under way`,
          'wait a moment, then look at hive status',
        ),
      )
    const named = asked.control !== undefined && asked.control.length > 0
    if (!named && patience > 0 && this.#expectsMore())
      return void clock.after(poll, () => this.run(asked, done, patience - poll))
    const name = asked.name ?? 'hive'
    if (!validClusterName(name))
      return failed(
        new OperatorError(
          'BAD_REQUEST',
          `«${name}» is no name for a cluster`,
          'use 1 to 63 of a-z, 0-9 and -',
        ),
      )
    const present = [
      { id: self.id, name: self.name, alive: true },
      ...this.#parts.members().map(m => ({ id: m.id, name: m.name, alive: m.status === 'alive' })),
    ]
    const choice = chooseControl(present, asked.control, this.#sought())
    if (!choice.ok) return failed(errorOf(choice))
    const duplicate = duplicateName(present)
    if (duplicate)
      return failed(
        new OperatorError(
          'NAME_TAKEN',
          `two nodes are called ${duplicate}`,
          'start one of them with another --name',
        ),
      )
    this.#prepare({ ...asked, name }, choice.ids, choice.why, done)
  }

  /** Somebody may still come into sight, or let this node in. */
  #expectsMore(): boolean {
    const { wanted, validating } = this.#parts.entry()
    return validating || wanted.some(seed => !seed.answers)
  }

  #sought(): Sought {
    const { wanted, refusal } = this.#parts.entry()
    return {
      some: wanted.length > 0,
      silent: wanted.filter(seed => !seed.answers).map(seed => seed.address),
      ...(refusal && { refusal }),
    }
  }

  #prepare(
    { name, actor, approve = false }: InitWish & { readonly name: string },
    ids: readonly string[],
    why: string,
    done: Done,
  ): void {
    const { self, clock, random, links, trace } = this.#parts
    const tag = uuidv7(clock.wall(), random)
    const voters = ids.map(id => this.#contact(id))
    const coordinator = `${actor}@${self.name}`
    const body = { tag, name, voters, coordinator, ...(approve && { approve }) }
    const descriptions = new Map<string, NodeDescription>()
    const complaints: string[] = []
    let left = ids.length
    trace.info({ name, tag, control: voters.map(v => v.name) }, 'init: preparing')
    for (const voter of voters) {
      const answered = (outcome: RequestOutcome): void => {
        left -= 1
        const described = outcome.ok ? this.#described(outcome.body) : outcome
        if (described.ok) descriptions.set(voter.id, described.body)
        else complaints.push(`${voter.name}: ${described.message}`)
        if (left > 0) return
        if (complaints.length > 0) return this.#cancel(tag, voters, complaints, done)
        this.#start(
          tag,
          voters,
          ids.map(id => descriptions.get(id)!),
          why,
          done,
        )
      }
      if (voter.id === self.id) answered(this.#excused(() => this.#parts.candidate.prepare(body)))
      else links.request(voter.id, 'init-prepare', body, preparePatience, answered)
    }
  }

  #cancel(
    tag: string,
    voters: readonly Contact[],
    complaints: readonly string[],
    done: Done,
  ): void {
    const { self, links } = this.#parts
    for (const voter of voters) {
      if (voter.id === self.id) this.#parts.candidate.cancel(tag)
      else links.request(voter.id, 'init-cancel', { tag }, preparePatience, () => {})
    }
    done({
      ok: false,
      error: new OperatorError(
        'INIT_FAILED',
        `cancelled, everybody is a zombie again: ${complaints.join('; ')}`,
        'mend what is named, then run init again',
      ),
    })
  }

  #start(
    tag: string,
    voters: readonly Contact[],
    control: readonly NodeDescription[],
    why: string,
    done: Done,
  ): void {
    const { self, links, clock } = this.#parts
    const deadline = clock.now() + commitPatience
    let begun = voters.length === 1
    const silent = new Map(voters.filter(v => v.id !== self.id).map(v => [v.id, v.name]))
    // Whoever is not told makes itself a zombie again: so it is told until it has heard.
    const tell = (id: string): void =>
      links.request(id, 'init-start', { tag, control }, preparePatience, outcome => {
        const heard = outcome.ok || outcome.code === 'REFUSED'
        if (outcome.ok) {
          silent.delete(id)
          begun = true
          begin()
        }
        if (!heard && clock.now() < deadline) clock.after(startAgain, () => tell(id))
      })
    // Not before somebody else has: a coordinator that began alone and died would wait for the others for good.
    const begin = (): void => {
      if (!voters.some(v => v.id === self.id)) return
      this.#excused(() => {
        // Nobody leads yet, and this node knows that all are prepared: it need not wait out its patience.
        if (self.facts.group?.prepared?.started === false)
          this.#parts.candidate.start(tag, control)?.suspectLeader()
        return { ok: true, body: {} }
      })
    }
    for (const voter of voters) if (voter.id !== self.id) tell(voter.id)
    if (voters.length === 1) begin()
    const names = control.map(c => c.name)
    const look = (): void => {
      if (self.facts.cluster?.tag === tag)
        return done({ ok: true, answer: this.#answer(names, why, false) })
      if (clock.now() > deadline) {
        return done({ ok: false, error: unfinished(names, [...silent.values()], begun) })
      }
      if (voters.some(v => v.id === self.id)) return void clock.after(poll, look)
      const asked = voters[Math.floor(clock.now() / poll) % voters.length]!
      links.request(asked.id, 'init-status', { tag }, 1000, outcome => {
        const status = outcome.ok ? (outcome.body as InitStatus | null) : null
        if (status?.initialised === true)
          return done({
            ok: true,
            answer: { ...this.#answer(names, why, false), tag, name: String(status.name) },
          })
        clock.after(poll, look)
      })
    }
    look()
  }

  #answer(control: readonly string[], why: string, repeated: boolean): InitAnswer {
    const { self } = this.#parts
    // On one machine every agent needs ports of its own.
    const bind = isLoopback(self.address.host)
      ? '--bind 127.0.0.1:PORT --http off '
      : '--bind HOST '
    return {
      tag: self.facts.cluster?.tag ?? '',
      name: self.facts.cluster?.name ?? '',
      control,
      why,
      join: `hive agent --name NAME --data-dir DIR ${bind}--join ${formatAddress(self.address)}`,
      repeated,
    }
  }

  /** A disk that refuses is an answer here as it is for a peer. */
  #excused(deed: () => RequestOutcome): RequestOutcome {
    const { self, trace } = this.#parts
    try {
      return deed()
    } catch (error) {
      return excuse('init', self.id, error, trace)
    }
  }

  #described(
    body: unknown,
  ): { ok: true; body: NodeDescription } | (RequestOutcome & { ok: false }) {
    try {
      return { ok: true, body: description(fields(body)) }
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
      return refusal('BAD_REQUEST', `describes itself badly: ${error.message}`)
    }
  }

  #contact(id: string): Contact {
    const { self } = this.#parts
    if (id === self.id) return contactOf({ id, name: self.name, address: self.address })
    return contactOf(this.#parts.members().find(m => m.id === id)!)
  }
}

/** As far as the one who asked for it knows. */
function unfinished(
  control: readonly string[],
  silent: readonly string[],
  begun: boolean,
): OperatorError {
  if (begun) {
    return new OperatorError(
      'TIMEOUT',
      `${control.join(', ')} are prepared, but no leader was elected yet; the init completes by itself once a majority of them talk`,
      'look at hive status; to give up: hive reset on each of them',
    )
  }
  const [has, is] = silent.length === 1 ? ['has', 'it is'] : ['have', 'they are']
  return new OperatorError(
    'TIMEOUT',
    `all are prepared, but ${silent.join(', ')} ${has} not said that it began`,
    `if it has begun there, it goes on by itself when ${is} back; if not, everybody is a zombie again in half a minute: run init again then`,
  )
}

function duplicateName(present: readonly { readonly name: string }[]): string | undefined {
  const seen = new Set<string>()
  return present.find(p => seen.size === seen.add(p.name).size)?.name
}
