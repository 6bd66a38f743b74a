import { checkList, list } from '../linearizability/list.ts'
import type { Judgement, Model, Operation } from '../linearizability/model.ts'
import { checkRegister, register } from '../linearizability/register.ts'
import { checkSet, set } from '../linearizability/set.ts'
import type { History, Seen } from './history.ts'

export interface Verdict {
  readonly keys: number
  readonly operations: number
  /** Elements that were acknowledged and are not there in the end. */
  readonly lost: readonly string[]
  /** Keys whose history is not linearizable, and why. */
  readonly violations: readonly { readonly key: string; readonly why: string }[]
  /** Keys whose history could not be judged. */
  readonly undecided: readonly string[]
}

/** Judges everything, key by key. */
export function judge({ registers, lists, sets }: History): Verdict {
  const parts = [
    judgeAll(registers, register, checkRegister),
    judgeAll(lists, list, checkList),
    judgeAll(sets, set, checkSet),
  ]
  return {
    keys: new Set(registers.map(({ key }) => key)).size,
    operations: registers.length,
    lost: [
      ...missing(lists, call => (call.kind === 'append' ? call.element : call.saw)),
      ...missing(sets, call => (call.kind === 'add' ? call.element : [...call.saw])),
    ],
    violations: parts.flatMap(({ violations }) => violations),
    undecided: parts.flatMap(({ undecided }) => undecided),
  }
}

export function byKey<Call>(all: readonly Seen<Call>[]): Map<string, Seen<Call>[]> {
  const groups = new Map<string, Seen<Call>[]>()
  for (const one of all) {
    const group = groups.get(one.key)
    if (group) group.push(one)
    else groups.set(one.key, [one])
  }
  return groups
}

function judgeAll<State, Call>(
  all: readonly Seen<Call>[],
  model: Model<State, Call>,
  check: (operations: readonly Operation<Call>[]) => Judgement<Call>,
): { violations: { key: string; why: string }[]; undecided: string[] } {
  const violations: { key: string; why: string }[] = []
  const undecided: string[] = []
  for (const [key, seen] of byKey(all)) {
    const operations = seen
      .filter(({ outcome }) => outcome !== 'fail')
      .map(({ call, invoked, returned, outcome }) => {
        return { call, invoked, returned: outcome === 'ok' ? returned : undefined }
      })
    const judgement = check(operations)
    if (judgement.ok === true) continue
    if (judgement.ok === 'unknown') undecided.push(key)
    else {
      const stuck = judgement.stuck.slice(0, 5).map(o => show(model, o))
      const why = `${judgement.done} of ${operations.length} operations could be ordered; then none of: ${stuck.join('; ')}`
      violations.push({ key, why })
    }
  }
  return { violations, undecided }
}

function show<State, Call>(
  model: Model<State, Call>,
  { call, invoked, returned }: Operation<Call>,
): string {
  const end = returned === undefined ? '' : (returned / 1000).toFixed(3)
  return `${model.show(call)} (${(invoked / 1000).toFixed(3)}–${end} s)`
}

/** What was acknowledged before the last read of its key began, and is not in it; in the end every key is read back. */
function missing<Call>(
  all: readonly Seen<Call>[],
  elements: (call: Call) => number | readonly number[],
): string[] {
  const lost: string[] = []
  for (const [key, seen] of byKey(all)) {
    const answered = seen.filter(({ outcome }) => outcome === 'ok')
    const reads = answered.filter(({ call }) => typeof elements(call) !== 'number')
    const last = reads.reduce<Seen<Call> | undefined>(
      (late, one) => (late === undefined || one.invoked >= late.invoked ? one : late),
      undefined,
    )
    if (last === undefined) continue
    const there = new Set(elements(last.call) as readonly number[])
    for (const { call, returned } of answered) {
      if (returned >= last.invoked) continue
      const element = elements(call)
      if (typeof element === 'number' && !there.has(element)) lost.push(`${element} of ${key}`)
    }
  }
  return lost
}
