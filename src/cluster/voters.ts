import type { ErrorCode } from '../base/errors.ts'

/** Changing who votes: what may be asked, and what the next safe step is. */

export interface VotersNow {
  readonly voters: readonly string[]
  readonly observers: readonly string[]
  /** Those that answer now. */
  readonly reachable: ReadonlySet<string>
  readonly nameOf: (id: string) => string
}

export type VotersVerdict =
  | {
      readonly ok: true
      readonly voters: readonly string[]
      readonly observers: readonly string[]
      readonly nothing: boolean
    }
  | {
      readonly ok: false
      readonly code: ErrorCode
      readonly message: string
      readonly remedy: string
    }

export function quorumOf(voters: number): number {
  return Math.floor(voters / 2) + 1
}

export function promoteVerdict(now: VotersNow, id: string, observer: boolean): VotersVerdict {
  if (now.voters.includes(id) && !observer) return same(now)
  if (now.voters.includes(id)) {
    return refuse(
      'REFUSED',
      `${now.nameOf(id)} votes already`,
      `to take its vote away: hive control demote ${now.nameOf(id)}`,
    )
  }
  if (!now.reachable.has(id)) {
    return refuse(
      'REFUSED',
      `${now.nameOf(id)} does not answer now`,
      'a node must be up to catch up with the log',
    )
  }
  if (observer) {
    if (now.observers.includes(id)) return same(now)
    return { ok: true, voters: now.voters, observers: [...now.observers, id], nothing: false }
  }
  return {
    ok: true,
    voters: [...now.voters, id],
    observers: now.observers.filter(o => o !== id),
    nothing: false,
  }
}

/** `force`: also when the voters that would remain do not all answer, as long as a quorum of them does. */
export function demoteVerdict(now: VotersNow, id: string, force: boolean): VotersVerdict {
  if (now.observers.includes(id)) {
    return {
      ok: true,
      voters: now.voters,
      observers: now.observers.filter(o => o !== id),
      nothing: false,
    }
  }
  if (!now.voters.includes(id)) return same(now)
  const rest = now.voters.filter(v => v !== id)
  const name = now.nameOf(id)
  if (rest.length === 0) {
    return refuse(
      'WOULD_BREAK_QUORUM',
      `${name} is the only voter`,
      'promote another node first: hive control promote NODE',
    )
  }
  const answering = rest.filter(v => now.reachable.has(v)).length
  const needed = quorumOf(rest.length)
  if (answering < needed) {
    return refuse(
      'WOULD_BREAK_QUORUM',
      `without ${name}, ${rest.length} voters remain of which ${answering} answer; ${needed} are needed`,
      'bring the others back, or promote another node first',
    )
  }
  const survivesNow =
    now.voters.filter(v => now.reachable.has(v)).length - quorumOf(now.voters.length)
  const survivesThen = answering - needed
  if (survivesThen < survivesNow && survivesThen < 1 && now.voters.length > 2 && !force) {
    return refuse(
      'WOULD_BREAK_QUORUM',
      `without ${name} the cluster survives no failure of a control node (now ${survivesNow})`,
      'promote another node first, or use --force',
    )
  }
  return { ok: true, voters: rest, observers: now.observers, nothing: false }
}

function same(now: VotersNow): VotersVerdict {
  return { ok: true, voters: now.voters, observers: now.observers, nothing: true }
}

function refuse(code: ErrorCode, message: string, remedy: string): VotersVerdict {
  return { ok: false, code, message, remedy }
}
