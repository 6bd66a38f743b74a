import { describe, expect, test } from 'vitest'
import { readEdn } from '../linearizability/edn.ts'
import { jepsenHistory } from '../linearizability/histories.ts'
import type { RegisterCall } from '../linearizability/register.ts'
import { History, type Outcome, type Seen } from '../soak/history.ts'
import { percentiles, recoveries } from '../soak/recovery.ts'
import { elleAppend, knossosRegister, knossosSet } from '../soak/results.ts'
import { judge } from '../soak/verdict.ts'

/** What a soak makes of what its clients were told, with lies of which each must be found. */

let clock = 0
function seen<Call>(key: string, call: Call, outcome: Outcome = 'ok'): Seen<Call> {
  clock += 2
  return { process: 0, node: 'n1', key, call, invoked: clock, returned: clock + 1, outcome }
}
const write = (value: string | null, outcome?: Outcome) =>
  seen<RegisterCall>('register/1', { kind: 'write', value }, outcome)
const read = (saw: string | null) => seen<RegisterCall>('register/1', { kind: 'read', saw })

function told(...all: Seen<RegisterCall>[]): History {
  const history = new History()
  for (const one of all) history.told(one)
  return history
}

describe('the verdict', () => {
  test('is clean where all is well, whatever became of writes that nobody answered', () => {
    const history = told(write('1'), write('2', 'info'), read('1'), read('2'), write('3', 'fail'))
    history.told(read('2'))
    expect(judge(history)).toEqual({
      ...{ keys: 1, operations: 6, lost: [], violations: [], undecided: [] },
    })
  })

  test('names a key with a stale read', () => {
    const { violations } = judge(told(write('1'), write('2'), read('1')))
    expect(violations).toMatchObject([
      { key: 'register/1', why: expect.stringContaining('read 1') },
    ])
  })

  test('names a key with an acknowledged write that is gone', () => {
    expect(judge(told(write('1'), read(null))).violations).toHaveLength(1)
  })

  test('takes a write that was refused for one that never happened', () => {
    expect(judge(told(write('1'), write('2', 'fail'), read('2'))).violations).toHaveLength(1)
  })

  test('names elements that were acknowledged and lost, and only these', () => {
    const history = new History()
    for (const element of [1, 2]) history.lists.push(seen('append/1', { kind: 'append', element }))
    history.lists.push(seen('append/1', { kind: 'append', element: 3 }, 'info'))
    history.lists.push(seen('append/1', { kind: 'read', saw: [1] }))
    history.sets.push(seen('set/1', { kind: 'add', element: 4 }))
    history.sets.push(seen('set/1', { kind: 'read', saw: new Set<number>() }))
    const { lost, violations } = judge(history)
    expect(lost).toEqual(['2 of append/1', '4 of set/1'])
    expect(violations.map(({ key }) => key)).toEqual(['append/1', 'set/1'])
  })
})

test('histories have the forms that Knossos and Elle read', () => {
  clock = 0
  const cas = (swapped: boolean): RegisterCall => ({
    ...{ kind: 'cas', expected: null, value: '2', swapped },
  })
  const registers = [
    ...[read(null), write('1'), read('1'), write(null)],
    ...[seen('cas/1', cas(false)), seen('cas/1', cas(true))],
  ]
  expect(forms(registers.map(knossosRegister))).toEqual([
    '[:invoke :read nil] [:ok :read :absent]',
    '[:invoke :write 1] [:ok :write 1]',
    '[:invoke :read nil] [:ok :read 1]',
    '[:invoke :write :absent] [:ok :write :absent]',
    '[:invoke :cas [:absent 2]] [:fail :cas [:absent 2]]',
    '[:invoke :cas [:absent 2]] [:ok :cas [:absent 2]]',
  ])
  const lists = [
    seen('a', { kind: 'append' as const, element: 7 }, 'info'),
    seen('a', { kind: 'read' as const, saw: [7, 8] }),
  ]
  expect(forms(lists.map(elleAppend))).toEqual([
    '[:invoke :txn [[:append "a" 7]]] [:info :txn [[:append "a" 7]]]',
    '[:invoke :txn [[:r "a" nil]]] [:ok :txn [[:r "a" [7 8]]]]',
  ])
  const sets = [
    seen('s', { kind: 'add' as const, element: 7 }),
    seen('s', { kind: 'read' as const, saw: new Set([7, 8]) }),
  ]
  expect(forms(sets.map(knossosSet))).toEqual([
    '[:invoke :add 7] [:ok :add 7]',
    '[:invoke :read nil] [:ok :read #{7 8}]',
  ])
})

/** Calls with their ends, as the lines of the file say. */
function forms(recorded: Parameters<typeof jepsenHistory>[0]): string[] {
  const text = jepsenHistory(recorded)
  expect(readEdn(text)).toHaveLength(recorded.length * 2)
  const short = text
    .trimEnd()
    .split('\n')
    .map(line => {
      const [, type, f, value] = /:type (\S+), :f (\S+), :value (.*), :time/.exec(line)!
      return `[${type} ${f} ${value}]`
    })
  return recorded.map((_, i) => `${short[2 * i]} ${short[2 * i + 1]}`)
}

test('recovery is counted to the first acknowledged write that began later', () => {
  const acknowledged = [
    { node: 'n1', invoked: 90, returned: 120 },
    { node: 'n1', invoked: 130, returned: 150 },
    { node: 'n2', invoked: 210, returned: 260 },
  ]
  const fault = { kind: 'kill' as const, sort: 'kill one', what: '', victims: ['n2'] }
  const by = () => 'some'
  const [one] = recoveries([{ ...fault, began: 100, ended: 125 }], acknowledged, by)
  expect(one).toMatchObject({ what: 'some', count: 1 })
  expect([one!.begun.most, one!.undone.most, one!.victims.most]).toEqual([50, 25, 135])
  const [never] = recoveries([{ ...fault, began: 250, ended: undefined }], acknowledged, by)
  expect([never!.begun.most, never!.undone.most]).toEqual([Infinity, Infinity])
  expect(percentiles([3, 1, 2])).toEqual({ p50: 2, p90: 3, p99: 3, most: 3 })
})
