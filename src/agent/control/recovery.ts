import type { RecoveryAnswer, RecoveryPlan } from '../../api/types.ts'
import { formatAddress } from '../../base/address.ts'
import { OperatorError } from '../../base/errors.ts'
import type { Clock, Millis } from '../../base/time.ts'
import { type Recovery, recovery, type Survivor } from '../../cluster/recovery.ts'
import type { Answer, Links, RequestOutcome } from '../../net/link-types.ts'
import type { RescueOrder } from '../desk/recovery.ts'
import { inNoCluster } from '../no-cluster.ts'
import type { Self } from '../self.ts'
import { errorOf } from '../settled.ts'
import type { ControlPlane } from './control-plane.ts'

/**
 * An operator's conversation about a lost quorum, on any control node that is left: who answers, what would
 * become of whom, and then the word to the one that goes on.
 */
export interface RescuersParts {
  readonly self: Self
  readonly clock: Clock
  readonly links: Links
  plane(): ControlPlane | undefined
  /** Asks this node itself. */
  local(method: string, body: unknown, answer: Answer): void
}

/** Who is there answers in milliseconds; who does not answer in this time counts as lost. */
const inspectPatience: Millis = 3_000
/** The new voters have to get the whole log. */
const applyPatience: Millis = 150_000

type Done<T> = (outcome: { ok: true; answer: T } | { ok: false; error: OperatorError }) => void

export class Rescuers {
  readonly #parts: RescuersParts

  constructor(parts: RescuersParts) {
    this.#parts = parts
  }

  plan(wanted: readonly string[] | undefined, done: Done<RecoveryPlan>): void {
    this.#look(wanted, outcome => {
      if (!outcome.ok) return done(outcome)
      const { plane, survivors, found } = outcome.answer
      done({ ok: true, answer: this.#shown(plane, survivors, found) })
    })
  }

  apply(
    asked: { name: string; reason: string; voters?: readonly string[]; actor: string },
    done: Done<RecoveryAnswer>,
  ): void {
    const failed = (error: OperatorError) => done({ ok: false, error })
    this.#look(asked.voters, outcome => {
      if (!outcome.ok) return done(outcome)
      const { found } = outcome.answer
      const { cluster } = this.#parts.self.facts
      if (asked.name !== cluster!.name) {
        return failed(
          new OperatorError(
            'REFUSED',
            `this cluster is called «${cluster!.name}», not «${asked.name}»`,
            'type its name exactly, and only if this is the one that you mean',
          ),
        )
      }
      if (!found.possible || !found.leader) {
        return failed(
          new OperatorError('REFUSED', found.why, 'look at hive status and hive recover plan'),
        )
      }
      const { epoch, metaVersion, voters, lost } = found
      const { reason, actor } = asked
      const order: RescueOrder = {
        tag: cluster!.tag,
        epoch,
        metaVersion,
        voters,
        lost,
        reason,
        actor,
      }
      this.#request(found.leader.id, 'recover-start', order, applyPatience, answer => {
        if (answer.ok) done({ ok: true, answer: answer.body as RecoveryAnswer })
        else failed(errorOf(answer))
      })
    })
  }

  #look(
    wanted: readonly string[] | undefined,
    done: Done<{ plane: ControlPlane; survivors: readonly Survivor[]; found: Recovery }>,
  ): void {
    const { self } = this.#parts
    const plane = this.#parts.plane()
    if (!self.facts.cluster) return done({ ok: false, error: inNoCluster(self.name) })
    if (!plane?.state.cluster) {
      const names = self.facts.cluster.control.map(c => c.name)
      const control = names.sort().join(', ')
      const remedy = control ? `run it on one of ${control}` : 'run it on a control node'
      return done({
        ok: false,
        error: new OperatorError(
          'REFUSED',
          `${self.name} carries no log: it cannot rescue anything`,
          remedy,
        ),
      })
    }
    this.#inspect(plane, survivors => {
      // Meanwhile somebody else may have been rescued, and this node has begun anew.
      if (this.#parts.plane() !== plane) return done({ ok: false, error: begunAnew(self.name) })
      const { voters, observers } = controlOf(plane)
      const { nodes } = plane.state
      const nameOf = (id: string) => nodes.get(id)?.name ?? id
      const idOf = (node: string) => plane.state.nodeByName(node)?.id ?? node
      const found = recovery({
        ...{ voters, observers, nameOf, survivors },
        ...(wanted && wanted.length > 0 && { wanted: wanted.map(idOf) }),
      })
      done({ ok: true, answer: { plane, survivors, found } })
    })
  }

  #inspect(plane: ControlPlane, done: (survivors: readonly Survivor[]) => void): void {
    const { voters, observers } = controlOf(plane)
    const ids = [...new Set([...voters, ...observers, this.#parts.self.id])]
    const survivors: Survivor[] = []
    let open = ids.length
    for (const id of ids) {
      this.#request(id, 'recover-inspect', {}, inspectPatience, outcome => {
        if (outcome.ok) survivors.push(outcome.body as Survivor)
        open -= 1
        if (open === 0) done(survivors.sort((a, b) => (a.name < b.name ? -1 : 1)))
      })
    }
  }

  #request(
    to: string,
    method: string,
    body: unknown,
    patience: Millis,
    done: (outcome: RequestOutcome) => void,
  ): void {
    const { self, links, local } = this.#parts
    if (to === self.id) local(method, body, done)
    else links.request(to, method, body, patience, done)
  }

  #shown(plane: ControlPlane, survivors: readonly Survivor[], found: Recovery): RecoveryPlan {
    const { clock, self } = this.#parts
    const { nodes } = plane.state
    const { voters, observers } = controlOf(plane)
    const nameOf = (id: string) => nodes.get(id)?.name ?? id
    const now = clock.wall()
    return {
      cluster: self.facts.cluster!.name,
      possible: found.possible,
      why: found.why,
      leader: found.leader?.name ?? null,
      voters: found.voters.map(nameOf),
      lost: found.lost.map(nameOf),
      epoch: found.epoch,
      consequences: found.consequences,
      control: [...voters, ...observers].map(id => {
        const node = nodes.get(id)
        const survivor = survivors.find(s => s.id === id)
        return {
          name: nameOf(id),
          address: node ? formatAddress(node.address) : '',
          votes: voters.includes(id),
          answers: survivor !== undefined,
          ...(survivor && {
            epoch: survivor.epoch,
            term: survivor.term,
            lastTerm: survivor.lastTerm,
            lastIndex: survivor.lastIndex,
            commitIndex: survivor.commitIndex,
            leaderless: survivor.leaderless,
            lastEvent: survivor.eventTime === 0 ? null : Math.max(0, now - survivor.eventTime),
            disk: survivor.disk,
          }),
        }
      }),
    }
  }
}

function begunAnew(name: string): OperatorError {
  return new OperatorError(
    'REFUSED',
    `${name} gave its log up while it asked the others: one of them goes on without it`,
    'look at hive status',
  )
}

/** By the log, agreed or not: nobody will agree on anything more. */
function controlOf(plane: ControlPlane): {
  voters: readonly string[]
  observers: readonly string[]
} {
  const { voters, outgoing, learners, learnersNext } = plane.status().config
  const all = [...new Set([...voters, ...outgoing])]
  return {
    voters: all,
    observers: [...new Set([...learners, ...learnersNext])].filter(id => !all.includes(id)),
  }
}
