import type { ErrorCode } from '../base/errors.ts'

/** Rules of `init`: who becomes a control node, and when a second init is the same one. */

export interface Candidate {
  readonly id: string
  readonly name: string
  readonly alive: boolean
}

export type Choice =
  | { readonly ok: true; readonly ids: readonly string[]; readonly why: string }
  | {
      readonly ok: false
      readonly code: ErrorCode
      readonly message: string
      readonly remedy: string
    }

/** Whom the node that is asked was told to look for. */
export interface Sought {
  readonly some: boolean
  /** Addresses at which nobody answers. */
  readonly silent: readonly string[]
  /** What it heard when it wanted to be let in. */
  readonly refusal?: { readonly text: string; readonly remedy: string }
}

/** More voters than this cost latency at every write and buy little (design §4). */
const maxDefaultVoters = 5

/** `present`: everybody in the physical topology, this node first. */
export function chooseControl(
  present: readonly Candidate[],
  named: readonly string[] | undefined,
  sought: Sought = { some: false, silent: [] },
): Choice {
  if (named && named.length > 0) return chooseNamed(present, named)
  const [self] = present
  const alone = present.filter(p => p.alive).length < 2
  return alone && sought.some ? lonely(self!, sought) : chooseDefault(present, sought)
}

/** It was not meant to be a cluster of its own: what keeps it from the others would come out later. */
function lonely({ name }: Candidate, { silent, refusal }: Sought): Choice {
  const why =
    refusal?.text ??
    (silent.length > 0 ? `no answer from ${silent.join(', ')}` : 'those who answer do not stay')
  const cure =
    refusal?.remedy || 'start the others, or mend the addresses; hive status shows who is in sight'
  return {
    ok: false,
    code: 'INIT_FAILED',
    message: `${name} sees nobody: ${why}`,
    remedy: `${cure}; to make a cluster of this node alone: hive init --control ${name}`,
  }
}

function chooseNamed(present: readonly Candidate[], named: readonly string[]): Choice {
  const wanted = [...new Set(named)]
  const found = wanted.map(name => present.find(p => p.name === name || p.id === name))
  const missing = wanted.filter((_, i) => found[i] === undefined)
  if (missing.length > 0) {
    return {
      ok: false,
      code: 'UNKNOWN_NODE',
      message: `not in the physical topology: ${missing.join(', ')}`,
      remedy: `present are ${present
        .map(p => p.name)
        .sort()
        .join(', ')}; start the missing agents with --join, then run init again`,
    }
  }
  const silent = found.filter(p => p && !p.alive).map(p => p!.name)
  if (silent.length > 0) {
    return {
      ok: false,
      code: 'INIT_FAILED',
      message: `not reachable now: ${silent.join(', ')}`,
      remedy: 'wait until hive status shows them as zombie, or name others with --control',
    }
  }
  const ids = [...new Set(found.map(p => p!.id))]
  return { ok: true, ids, why: `named by the operator; ${survival(ids.length)}` }
}

function chooseDefault(present: readonly Candidate[], { silent }: Sought): Choice {
  const alive = present
    .filter(p => p.alive)
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1))
  const odd = alive.length % 2 === 1 ? alive.length : alive.length - 1
  const count = Math.max(1, Math.min(maxDefaultVoters, odd))
  const chosen = alive.slice(0, count)
  return {
    ok: true,
    ids: chosen.map(p => p.id),
    why:
      `${count} of ${alive.length} present: the largest odd number up to ${maxDefaultVoters}, first by name; ` +
      survival(count) +
      (silent.length > 0 ? `; no answer from ${silent.join(', ')}` : ''),
  }
}

/** What so many control nodes are good for; an even number is no better than one less. */
function survival(count: number): string {
  const failures = Math.floor((count - 1) / 2)
  const told =
    failures === 0
      ? 'survives no failure'
      : `survives ${failures} failure${failures > 1 ? 's' : ''}`
  return count % 2 === 1 ? told : `${told}, no more than ${count - 1} would`
}

/** Is the init that is asked for the one that has happened? What was not said agrees with anything. */
export function sameInit(
  done: { readonly name: string; readonly control: readonly string[] },
  asked: { readonly name?: string; readonly control?: readonly string[] },
): boolean {
  if (asked.name !== undefined && asked.name !== done.name) return false
  if (!asked.control || asked.control.length === 0) return true
  const named = new Set(asked.control)
  return named.size === done.control.length && done.control.every(name => named.has(name))
}

/** A cluster's human name: shown everywhere, typed to confirm rescues. */
export function validClusterName(name: string): boolean {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)
}
