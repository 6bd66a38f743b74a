import { describe, expect, test } from 'vitest'
import { Enrolment } from '../../src/agent/entrance/enrolment.ts'
import type { RequestOutcome } from '../../src/net/link-types.ts'
import type { NodeFacts } from '../../src/store/types.ts'

/** A node is given the log by whoever leads, or believes so. */
function node(known: Partial<NodeFacts>) {
  const facts: Partial<NodeFacts> = { known: [], joining: [], ...known }
  const made: unknown[] = []
  const enrolment = new Enrolment({
    self: { id: 'x', name: 'x', facts, update: (change: object) => Object.assign(facts, change) },
    clock: { now: () => 0 },
    links: { setAddress() {} },
    group: { open() {}, create: (_: readonly string[], after: unknown) => made.push(after) },
    reads: 5,
  } as never)
  const enrol = (body: object): RequestOutcome => {
    const outcomes: RequestOutcome[] = []
    enrolment.methods().enrol!({
      from: 'leader',
      body: { tag: 't', control: [], ...body },
      answer: (o: RequestOutcome) => outcomes.push(o),
    } as never)
    return outcomes[0]!
  }
  return { enrol, made, facts }
}

test('who has left its cluster takes no log of it, whoever still believes that it should', () => {
  const { enrol, made } = node({ left: true })
  expect(enrol({ term: 3 })).toMatchObject({ ok: false, code: 'REFUSED' })
  expect(made).toEqual([])
})

describe('one that carried that log before keeps its promises', () => {
  const promised = { tag: 't', lineage: 0, term: 5, vote: 'another' }

  test.each([
    ['a leader that was deposed since', { term: 4 }, { term: 5, vote: 'another' }],
    ['the leader of that very term', { term: 5 }, { term: 5, vote: 'another' }],
    ['a later one', { term: 6 }, { term: 6, vote: 'leader' }],
    ['one that was rescued', { term: 2, lineage: 1 }, { term: 2, vote: 'leader', lineage: 1 }],
  ])('to %s', (_, asked, after) => {
    const { enrol, made } = node({ promised })
    expect(enrol(asked)).toMatchObject({ ok: true })
    expect(made).toEqual([after])
  })

  test('and takes it anew as a new member of it alone, not where it is counted already', () => {
    const { enrol, made } = node({ promised })
    expect(enrol({ term: 6, counts: true })).toMatchObject({ ok: false, code: 'REFUSED' })
    expect(enrol({ term: 6, counts: true, lineage: 1 })).toMatchObject({ ok: true })
    expect(made).toEqual([{ term: 6, vote: 'leader', lineage: 1 }])
  })

  test('and of another cluster has none', () => {
    const { enrol, made } = node({ promised: { ...promised, tag: 'other' } })
    expect(enrol({ term: 1 })).toMatchObject({ ok: true })
    expect(made).toEqual([{ term: 1, vote: 'leader' }])
  })
})
