import { OperatorError } from '../base/errors.ts'
import { didYouMean } from '../base/similar.ts'
import type { Clock, Millis } from '../base/time.ts'
import { cureOf } from '../cluster/first-validation.ts'
import type { ClusterView } from '../cluster/view.ts'
import {
  electionConclusion,
  electionLines,
  epochConclusion,
  epochLines,
  inOrder,
  joinConclusion,
  nodeConclusion,
  nodeLines,
  type RankNote,
  type RefusalNote,
  refusalLine,
  type WhyReport,
} from '../cluster/why.ts'
import type { Links } from '../net/link-types.ts'
import type { Authority } from './control/authority.ts'
import {
  type About,
  type AgreedFacts,
  factsHere,
  type InquiryDeskParts,
  type RememberedFacts,
  remembered,
} from './desk/inquiries.ts'
import { askWitnesses } from './entrance/witness.ts'
import { inNoCluster } from './no-cluster.ts'
import type { Self } from './self.ts'

/**
 * `hive why`: what is agreed comes from the leader (or, without one, from this node's own log), what nobody
 * agreed on from the journals of the control nodes and of this node.
 */
export interface InquiriesParts {
  readonly self: Self
  readonly clock: Clock
  readonly links: Links
  readonly authority: Authority
  readonly desk: InquiryDeskParts
  view(): ClusterView | undefined
}

export interface Question {
  readonly about: About
  /** A node's name or id; '' for elections and epochs. */
  readonly name: string
}

/** Whoever is there answers in milliseconds. */
const patience: Millis = 1_500

interface Heard {
  readonly agreed: AgreedFacts | undefined
  /** By node name. */
  readonly remembered: ReadonlyMap<string, RememberedFacts>
  readonly silent: readonly string[]
}

export class Inquiries {
  readonly #parts: InquiriesParts

  constructor(parts: InquiriesParts) {
    this.#parts = parts
  }

  async why(question: Question): Promise<WhyReport> {
    const { self } = this.#parts
    if (!self.facts.cluster && question.about !== 'join') throw inNoCluster(self.name)
    const [agreed, journals] = await Promise.all([this.#agreed(question), this.#journals(question)])
    const report = this.#report(question, { agreed, ...journals })
    return agreed?.witness ? { ...report, toldBy: agreed.witness.name } : report
  }

  #report({ about, name }: Question, heard: Heard): WhyReport {
    switch (about) {
      case 'node':
        return this.#node(name, heard)
      case 'join':
        return this.#join(name, heard)
      case 'election':
        return this.#election(heard)
      case 'epoch':
        return this.#epoch(heard)
    }
  }

  #node(name: string, heard: Heard): WhyReport {
    const { agreed, silent } = heard
    const known = requireAgreed(agreed)
    const refusals = refusalsIn(heard)
    const { node } = known
    if (!node) throw unknown(name, known, heard, refusals.length > 0)
    const lines = nodeLines(node.id, known.events, nameOf(known))
    const wall = this.#parts.clock.wall()
    return {
      subject: node.name,
      lines: inOrder([...lines, ...refusals.map(refusalLine)]),
      conclusion: nodeConclusion(node, lines, refusals, wall),
      silent,
    }
  }

  #join(name: string, heard: Heard): WhyReport {
    const { agreed, silent } = heard
    const refusals = refusalsIn(heard)
    const own = name === this.#parts.self.name || name === this.#parts.self.id
    if (!agreed?.node && !agreed?.waits && refusals.length === 0 && !own)
      throw unknown(name, agreed, heard, false)
    const id = agreed?.node?.id
    const wanted = new Set(['NodeAdmitted', 'NodeLeft', 'JoinRequested', 'JoinRefused'])
    const events = agreed?.events.filter(e => wanted.has(e.type)) ?? []
    const lines = id === undefined ? [] : nodeLines(id, events, nameOf(agreed!))
    return {
      subject: name,
      lines: inOrder([...lines, ...refusals.map(refusalLine)]),
      conclusion: joinConclusion(name, agreed?.node, agreed?.waits === true, refusals, code =>
        cureOf(code as Parameters<typeof cureOf>[0]),
      ),
      silent,
    }
  }

  #election({ agreed, remembered: journals, silent }: Heard): WhyReport {
    const known = requireAgreed(agreed)
    const names = nameOf(known)
    const ranks: RankNote[] = [...journals].flatMap(([where, { ranks: seen }]) =>
      seen.map(s => ({ ...s, where, leader: s.leader === null ? null : names(s.leader) })),
    )
    const lines = electionLines(known.events, names, ranks)
    const wall = this.#parts.clock.wall()
    return {
      subject: 'election',
      lines,
      conclusion: electionConclusion(known.leader ?? undefined, lines, wall),
      silent,
    }
  }

  #epoch({ agreed }: Heard): WhyReport {
    const known = requireAgreed(agreed)
    const lines = epochLines(known.events, nameOf(known))
    const conclusion = epochConclusion(known.epoch, known.horizon ?? 0, lines)
    return { subject: 'epoch', lines, conclusion, silent: [] }
  }

  /** From the leader; without one from this node's log, or from that of the control node that knows most. */
  #agreed({ about, name }: Question): Promise<AgreedFacts | undefined> {
    const { authority, desk, links, self } = this.#parts
    if (!self.facts.cluster) return Promise.resolve(undefined)
    return new Promise(resolve => {
      authority.ask('why-agreed', { about, name }, patience, outcome => {
        if (outcome.ok) return resolve(outcome.body as AgreedFacts)
        const plane = desk.plane()
        if (plane?.state.cluster) return resolve(factsHere(desk, plane, about, name))
        const control = (this.#parts.view()?.control ?? self.facts.cluster?.control ?? []).map(
          c => c.id,
        )
        const question = { method: 'why-here', body: { about, name } }
        askWitnesses<AgreedFacts>(
          links,
          control,
          question,
          told => told.witness?.applied ?? 0,
          resolve,
        )
      })
    })
  }

  async #journals({ about, name }: Question): Promise<Omit<Heard, 'agreed'>> {
    const { desk, links, self } = this.#parts
    const found = new Map([[self.name, remembered(desk, about, name)]])
    const silent: string[] = []
    const others = (this.#parts.view()?.control ?? []).filter(c => c.id !== self.id)
    const asked = about === 'epoch' ? [] : others
    await Promise.all(
      asked.map(
        ({ id, name: called }) =>
          new Promise<void>(resolve => {
            links.request(id, 'why-remembered', { about, name }, patience, outcome => {
              if (outcome.ok) found.set(called, outcome.body as RememberedFacts)
              else silent.push(called)
              resolve()
            })
          }),
      ),
    )
    return { remembered: found, silent: silent.sort() }
  }
}

function requireAgreed(agreed: AgreedFacts | undefined): AgreedFacts {
  if (agreed) return agreed
  throw new OperatorError(
    'NO_QUORUM',
    'no control node that this one reaches tells what is agreed',
    'ask a control node itself; hive status shows which there are',
  )
}

function unknown(
  name: string,
  agreed: AgreedFacts | undefined,
  { remembered: journals }: Heard,
  knocked: boolean,
): OperatorError {
  if (knocked) {
    const remedy = `it was refused when it wanted to join: hive why join ${name}`
    return new OperatorError('UNKNOWN_NODE', `no node ${name} in the cluster`, remedy)
  }
  const strangers = [...journals.values()].flatMap(j => j.strangers)
  const near = agreed?.near ?? didYouMean(name, new Set(strangers))
  const remedy = near
    ? `did you mean ${near}?`
    : 'hive status shows the nodes; hive why join NAME tells of one that was refused'
  return new OperatorError('UNKNOWN_NODE', `nobody here knows of a node ${name}`, remedy)
}

function refusalsIn({ remembered: journals }: Heard): RefusalNote[] {
  return [...journals].flatMap(([where, { refused }]) => refused.map(r => ({ ...r, where })))
}

function nameOf({ names }: AgreedFacts): (id: string) => string {
  return id => names[id] ?? id.slice(0, 8)
}
