import type { Instant, Millis } from '../../src/base/time.ts'
import { Accusations } from '../../src/cluster/failure.ts'
import { Fabric, type FabricOptions, indexOf } from './fabric.ts'

/** What of Lifeguard is switched on; with lag the process also says by how much it came late. */
export const guards = {
  'SWIM alone': { config: { maxHealthScore: 0, suspicionMaxFactor: 1 }, tellsLag: false },
  'local health': { config: { suspicionMaxFactor: 1 }, tellsLag: false },
  'dynamic suspicion': { config: { maxHealthScore: 0 }, tellsLag: false },
  Lifeguard: { config: {}, tellsLag: false },
  'Lifeguard and lag': { config: {}, tellsLag: true },
} as const satisfies Record<string, Pick<FabricOptions, 'config' | 'tellsLag'>>

export type Guard = keyof typeof guards

/**
 * `blocked`: the process runs, and its messages wait at its door, both ways; so the paper makes members slow.
 * `stopped`: nothing of it runs, as under SIGSTOP or in a machine that is short of cores.
 */
export type Slowness = 'blocked' | 'stopped'

export interface SlowDay {
  readonly how: Slowness
  readonly nodes: number
  readonly slow: number
  /** Of each spell. */
  readonly spell: Millis
  /** Between two spells. */
  readonly between: Millis
  readonly duration: Millis
  readonly seed: number
}

/** Before the slow ones become slow: the cluster settles. */
const settling: Millis = 15_000
/** Members tell the leader so often whom they cannot reach, as agents do. */
const accusePeriod: Millis = 1_000
/** Until what a member says has come to the leader. */
const road: Millis = 3

/**
 * The interval experiment of Lifeguard (Dadgar, Phillips, Currey 2017, §V): `slow` of `nodes` members, all at the same times, are
 * slow for a spell, well for a while, and so on. False is who gives up a member that was well all the time: FP counts it of
 * everybody, FP- of those that were well themselves. Beyond the paper, what agents make of it: members tell a leader
 * that is well whom they gave up and how well they are, and it condemns by hive's own rule.
 */
export function slowMembers(guard: Guard, day: SlowDay) {
  const { how, nodes, slow, spell, between, duration, seed } = day
  const fabric = new Fabric({ nodes, seed, ...guards[guard] })
  fabric.introduceAll()
  fabric.run(settling)
  const ill = new Set<number>()
  while (ill.size < slow) ill.add(fabric.random.below(nodes))
  const leader = new Leader(fabric)
  let falseByAll = 0
  let falseByWell = 0
  let slowGivenUp = 0
  fabric.changed = (by, { id, status, incarnation }) => {
    if (status !== 'unreachable') return leader.withdraw(by, id)
    leader.accuse(by, id, incarnation)
    if (ill.has(indexOf(id))) slowGivenUp++
    else {
      falseByAll++
      if (!ill.has(by)) falseByWell++
    }
  }
  const end = fabric.now + duration
  const begin = () => {
    if (fabric.now >= end) return
    for (const i of ill) {
      if (how === 'blocked') fabric.block(i, spell)
      else fabric.pause(i, spell)
    }
    fabric.at(fabric.now + spell + between, begin)
  }
  begin()
  // Until the last spell is over and its consequences, too.
  const whole = duration + spell + accusePeriod * 10
  for (let at = 0; at < whole; at += accusePeriod) {
    fabric.run(accusePeriod)
    leader.hearAll()
  }
  const condemned = [...leader.condemned]
  return {
    ...{ guard, how, slow, spell, between, seed },
    ...{ falseByAll, falseByWell, slowGivenUp },
    condemnedWell: condemned.filter(i => !ill.has(i)).length,
    condemnedSlow: condemned.filter(i => ill.has(i)).length,
  }
}

/** A leader that is well, outside of the members, and reaches everybody: it condemns only on what others say. */
class Leader {
  readonly condemned = new Set<number>()
  readonly #fabric: Fabric
  readonly #accusations = new Accusations()
  /** By accuser: whom it does not reach, in which incarnation. */
  readonly #lost = new Map<number, Map<string, number>>()

  constructor(fabric: Fabric) {
    this.#fabric = fabric
  }

  accuse(by: number, id: string, incarnation: number): void {
    const lost = this.#lost.get(by) ?? new Map<string, number>()
    this.#lost.set(by, lost.set(id, incarnation))
    this.#tell(by, id, incarnation)
  }

  withdraw(by: number, id: string): void {
    if (this.#lost.get(by)?.delete(id) !== true) return
    this.#hear(by, () => this.#accusations.withdraw(id, `n${by}`))
  }

  /** Accusations that still hold are said again; a process that stands still says nothing. */
  hearAll(): void {
    for (const [by, lost] of this.#lost) {
      if (this.#fabric.isPaused(by)) continue
      for (const [id, incarnation] of lost) this.#tell(by, id, incarnation)
    }
  }

  #tell(by: number, id: string, incarnation: number): void {
    const health = this.#fabric.cores[by]!.health()
    this.#hear(by, now => {
      this.#accusations.accuse(id, `n${by}`, incarnation, health, now)
      this.#judge(id, now)
    })
  }

  #hear(by: number, act: (now: Instant) => void): void {
    const fabric = this.#fabric
    fabric.at(fabric.speaks(by) + road, () => act(fabric.now))
  }

  #judge(id: string, now: Instant): void {
    const fabric = this.#fabric
    const subject = indexOf(id)
    // A refutation that has left its member is known to whoever is well.
    if (fabric.speaks(subject) === now)
      this.#accusations.answered(id, fabric.cores[subject]!.self.incarnation)
    const own = { unreachable: false, health: 0 }
    const members = fabric.cores.length - 1
    if (this.#accusations.verdict(id, 'leader', own, members, now)) this.condemned.add(subject)
  }
}
