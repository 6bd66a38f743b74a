import { expect, test } from 'vitest'
import { Enrolment } from '../../src/agent/entrance/enrolment.ts'
import type { RequestOutcome } from '../../src/net/link-types.ts'

test('who has left its cluster takes no log of it, whoever still believes that it should', () => {
  const enrolment = new Enrolment({
    self: { id: 'x', name: 'x', facts: { left: true, known: [], joining: [] } },
    reads: 5,
  } as never)
  const outcomes: RequestOutcome[] = []
  enrolment.methods().enrol!({
    from: 'leader',
    body: { tag: 't', term: 3, control: [] },
    answer: (o: RequestOutcome) => outcomes.push(o),
  } as never)
  expect(outcomes).toMatchObject([{ ok: false, code: 'REFUSED', message: 'x left its cluster' }])
})
