import type { DoctorReport } from '../../api/doctor-types.ts'
import { parseAddress } from '../../base/address.ts'
import { OperatorError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { text } from '../../base/shape.ts'
import type { Clock, Instant, Millis } from '../../base/time.ts'
import {
  diagnose,
  type Examination,
  type Failed,
  type PeerFinding,
  type Premises,
  worst,
} from '../../cluster/doctor.ts'
import type { Datagrams } from '../../net/datagrams.ts'
import type { Answer, Links, RequestOutcome } from '../../net/link-types.ts'
import type { Sockets } from '../../net/types.ts'
import { defaultPorts } from '../process/options.ts'
import { type Methods, refusal } from '../requests.ts'
import { Helper } from './helper.ts'
import type { Instruments } from './instruments.ts'
import { examineNeighbour, type Neighbour } from './neighbour.ts'
import { type Peers, peersOver } from './peers.ts'

/** What the doctor may know of the node that it examines. */
export interface Patient {
  readonly name: string
  readonly version: string
  /** Configured; each HOST:PORT. */
  readonly seeds: readonly string[]
  /** There are more nodes than it knows. */
  readonly keepsSome: boolean
  /** Control nodes first. */
  neighbours(): readonly Neighbour[]
  remembered(): number
  /** `silent`: ids of those that were asked just now and did not answer. */
  quorum(silent: ReadonlySet<string>): Examination['quorum'] | undefined
  certificates(): Examination['certificates'] | undefined
}

export interface DoctorParts {
  readonly clock: Clock
  readonly random: Random
  readonly sockets: Sockets
  readonly links: Pick<Links, 'request'>
  readonly maxClockSkew: Millis
  datagrams(): Datagrams
  /** This node is the leader, and so knows everybody. */
  leads(): boolean
  /** `patience`: what the leader needs itself. */
  askLeader(method: string, body: object, patience: Millis, done: Answer): void
  readonly patient: () => Patient
  /** Undefined: no disk and no process of its own, as in a simulation. */
  readonly instruments: Instruments | undefined
}

/** A node asks so many of its peers; the others are asked by `--all`. */
const maxNeighbours = 24
/** Fsyncs that are tried, and how long they may take together. */
const syncs = { count: 128, most: 2_000 }
/** A disk that has not answered by then, ms, hangs. */
const diskPatience: Millis = 10_000
const hangs: Failed = { failed: `the disk has not answered within ${diskPatience / 1000} s` }
/** The loop is watched at least so long, a timer every few ms. */
const watchedFor: Millis = 1_500
const watchEvery: Millis = 10
/** An examination is one at a time; a peer that asks again so soon gets the one before, ms. */
const freshFor: Millis = 1_000
/** A whole examination of another node takes less, ms. */
const consultPatience: Millis = 25_000
/** Seeds that are tried. */
const maxSeeds = 16

type Done<T> = (outcome: { ok: true; answer: T } | { ok: false; error: OperatorError }) => void

/** Examines this node when asked, helps others to examine theirs, and asks them to. Changes nothing. */
export class Doctor {
  readonly helper: Helper
  readonly #parts: DoctorParts
  readonly #peers: Peers
  /** What the disk was asked and has not answered. */
  readonly #hanging = new Set<string>()
  #waiting: ((report: DoctorReport) => void)[] | undefined
  #last: { readonly report: DoctorReport; readonly at: Instant } | undefined

  constructor(parts: DoctorParts) {
    this.#parts = parts
    this.#peers = peersOver(parts.links)
    this.helper = new Helper({
      ...{ clock: parts.clock, sockets: parts.sockets, datagrams: () => parts.datagrams() },
      addressOf: id =>
        parts
          .patient()
          .neighbours()
          .find(n => n.id === id)?.address,
    })
  }

  methods(): Methods {
    return {
      ...this.helper.methods(),
      doctor: ({ answer }) => {
        const { clock } = this.#parts
        const last = this.#last
        if (last && clock.now() - last.at < freshFor) return answer({ ok: true, body: last.report })
        this.examine(report => answer({ ok: true, body: report }))
      },

      'doctor-of': ({ body, answer }) => {
        if (!this.#parts.leads()) return answer(refusal('NOT_LEADER', 'not the leader'))
        this.consult(text(body, 'node', 255), outcome => {
          if (outcome.ok) return answer({ ok: true, body: outcome.answer })
          const { code, message, remedy } = outcome.error
          answer(refusal(code, message, remedy))
        })
      },
    }
  }

  /** Of this node, or of the one named. */
  consult(node: string | undefined, done: Done<DoctorReport>): void {
    const patient = this.#parts.patient()
    if (node === undefined || node === patient.name)
      return this.examine(answer => done({ ok: true, answer }))
    const other = patient.neighbours().find(n => n.name === node || n.id === node)
    if (!other && patient.keepsSome && !this.#parts.leads())
      return this.#consultByLeader(node, done)
    if (!other) return done({ ok: false, error: unknown(node, patient) })
    this.#peers.request(other.id, 'doctor', {}, consultPatience, outcome =>
      done(
        outcome.ok
          ? { ok: true, answer: outcome.body as DoctorReport }
          : { ok: false, error: excuseOf(other.name, outcome) },
      ),
    )
  }

  /** A node of another slice: the leader knows where it is, and asks it. */
  #consultByLeader(node: string, done: Done<DoctorReport>): void {
    this.#parts.askLeader('doctor-of', { node }, consultPatience, outcome => {
      if (outcome.ok) return done({ ok: true, answer: outcome.body as DoctorReport })
      const { code, message, remedy } = outcome
      done({ ok: false, error: new OperatorError(code, message, remedy ?? '') })
    })
  }

  examine(done: (report: DoctorReport) => void): void {
    const { clock, patient } = this.#parts
    if (this.#waiting) {
      this.#waiting.push(done)
      return
    }
    this.#waiting = [done]
    const began = clock.now()
    const { name } = patient()
    this.#measure(found => {
      const checks = diagnose(found)
      const took = Math.round(clock.now() - began)
      const report: DoctorReport = { node: name, verdict: worst(checks), checks, took }
      this.#last = { report, at: clock.now() }
      const waiting = this.#waiting ?? []
      this.#waiting = undefined
      for (const each of waiting) each(report)
    })
  }

  #measure(done: (found: Examination) => void): void {
    const { clock, instruments, maxClockSkew, patient } = this.#parts
    const { version, seeds } = patient()
    const found: { -readonly [K in keyof Examination]?: Examination[K] } = {}
    const all = patient().neighbours()
    let open = 1
    let over = false
    const lags = this.#watchLoop(() => over)
    const take = <K extends keyof Examination>(key: K): ((value: Examination[K]) => void) => {
      open++
      return value => {
        found[key] = value
        finish()
      }
    }
    const finish = (): void => {
      if (--open > 0) return
      over = true
      const { quorum, certificates, remembered } = patient()
      const silent = all.filter((_, i) => found.peers?.[i]?.silent !== undefined)
      const agreed = quorum(new Set(silent.map(({ id }) => id)))
      const certified = certificates()
      const files = instruments?.files()
      done({
        ...{ version, maxClockSkew, lags, peers: [], unasked: 0, seeds: [], wall: clock.wall() },
        remembered: remembered(),
        ...(agreed && { quorum: agreed }),
        ...(certified && { certificates: certified }),
        ...(files && { files }),
        ...found,
      })
    }
    clock.after(watchedFor, finish)
    if (instruments) {
      const { count, most } = syncs
      this.#inTime<readonly Millis[]>(
        'syncs',
        f => instruments.syncs(count, most, f),
        take('syncs'),
      )
      this.#inTime<Premises>('premises', f => instruments.premises(f), take('premises'))
    }
    found.unasked = Math.max(0, all.length - maxNeighbours)
    this.#askNeighbours(all.slice(0, maxNeighbours), take('peers'))
    this.#trySeeds(seeds.slice(0, maxSeeds), take('seeds'))
  }

  /** A disk that hangs does not answer, and is not asked again until it has. */
  #inTime<Found>(
    what: string,
    ask: (found: (value: Found | Failed) => void) => void,
    done: (value: Found | Failed) => void,
  ): void {
    if (this.#hanging.has(what)) return done(hangs)
    this.#hanging.add(what)
    let over = false
    const end = (value: Found | Failed): void => {
      if (over) return
      over = true
      late.cancel()
      done(value)
    }
    const late = this.#parts.clock.after(diskPatience, () => end(hangs))
    ask(value => {
      this.#hanging.delete(what)
      end(value)
    })
  }

  /** How late timers come, from now until it is over. */
  #watchLoop(over: () => boolean): readonly Millis[] {
    const { clock } = this.#parts
    const lags: Millis[] = []
    const look = (): void => {
      const due = clock.now() + watchEvery
      clock.after(watchEvery, () => {
        if (over()) return
        lags.push(Math.max(0, clock.now() - due))
        look()
      })
    }
    look()
    return lags
  }

  #askNeighbours(
    all: readonly Neighbour[],
    done: (findings: readonly PeerFinding[]) => void,
  ): void {
    const { clock, random } = this.#parts
    const parts = { clock, random, peers: this.#peers, helper: this.helper }
    each(all, (peer, one) => examineNeighbour(parts, peer, one), done, clock)
  }

  #trySeeds(all: readonly string[], done: (seeds: Examination['seeds']) => void): void {
    const trySeed = (seed: string, one: (found: Examination['seeds'][number]) => void): void => {
      const address = parseAddress(seed, defaultPorts.peers)
      if ('message' in address) one({ seed, outcome: address.message })
      else this.helper.dial(address, outcome => one({ seed, outcome }))
    }
    each(all, trySeed, done, this.#parts.clock)
  }
}

/** All at once; the answers in the order of the questions. */
function each<Item, Found>(
  items: readonly Item[],
  ask: (item: Item, one: (found: Found) => void) => void,
  done: (found: readonly Found[]) => void,
  clock: Clock,
): void {
  const found: Found[] = []
  let open = items.length
  if (open === 0) return clock.soon(() => done([]))
  items.forEach((item, i) => {
    ask(item, one => {
      found[i] = one
      if (--open === 0) done(found)
    })
  })
}

function unknown(node: string, { name, neighbours }: Patient): OperatorError {
  const names = neighbours().map(n => n.name)
  return new OperatorError(
    'UNKNOWN_NODE',
    `${name} knows no node ${node}`,
    `it knows ${names.slice(0, 12).join(', ') || 'nobody'}`,
  )
}

function excuseOf(name: string, outcome: RequestOutcome & { ok: false }): OperatorError {
  if (outcome.code === 'BAD_REQUEST')
    return new OperatorError('VERSION_MISMATCH', `${name} runs a hive without doctor`, 'upgrade it')
  return new OperatorError(
    outcome.code,
    outcome.message.includes(name)
      ? outcome.message
      : `${name} does not answer: ${outcome.message}`,
    `run hive doctor on ${name} itself`,
  )
}
