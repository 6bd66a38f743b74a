import { expect, test } from 'vitest'
import type { ControlPlane } from '../../src/agent/control/control-plane.ts'
import { logPage } from '../../src/agent/desk/views.ts'
import { checkEventType } from '../../src/agent/event-type.ts'

const gone = '01a1fe83-5b6f-7da1-84f6-95a650feeace'

/** A log that was compacted up to `kept` events, of which the last tells of a failure. */
function planeWith(kept: number): ControlPlane {
  const history = Array.from({ length: kept }, (_, i) => {
    const last = i === kept - 1
    const type = last ? 'NodeFailed' : 'CertificateIssued'
    return { seq: i + 1, type, data: { id: last ? gone : 'id-n1' } }
  })
  return {
    firstIndex: kept + 1,
    entries: () => [],
    state: {
      applied: kept,
      epochAt: () => 1,
      tombstones: new Map([[gone, { name: 'n4' }]]),
      history: (from: number, limit: number) => history.filter(e => e.seq >= from).slice(0, limit),
    },
  } as unknown as ControlPlane
}

test.each([1, 999, 1000, 1001, 5000])(
  'of %d kept events the one of a type is found, however far back others go',
  kept => {
    const page = logPage(planeWith(kept), { from: 0, limit: 500, type: 'NodeFailed' })
    expect(page.events.map(e => e.seq)).toEqual([kept])
    expect(page.next).toBeGreaterThan(kept)
  },
)

test('pages of kept events have no gap between them', () => {
  const plane = planeWith(2_345)
  const seen: number[] = []
  for (let next = 0; ; ) {
    const page = logPage(plane, { from: next, limit: 500 })
    seen.push(...page.events.map(e => e.seq))
    if (page.events.length === 0) break
    next = page.next
  }
  expect(seen).toEqual(Array.from({ length: 2_345 }, (_, i) => i + 1))
})

test('who left is called by the name that it had', () => {
  expect(logPage(planeWith(1), { from: 0, limit: 10 }).names).toEqual({ [gone]: 'n4' })
  expect(logPage(planeWith(2), { from: 0, limit: 1 }).names).toBeUndefined()
})

test('a type that no event bears is refused, with the nearest one', () => {
  expect(() => checkEventType(undefined)).not.toThrow()
  for (const type of ['KvPut', 'LeaderElected', 'VotersChanged', 'NodeDrained', 'RestoreAdded'])
    expect(() => checkEventType(type)).not.toThrow()
  expect(() => checkEventType('NodeDraind')).toThrow(
    expect.objectContaining({ remedy: 'did you mean NodeDrained?' }),
  )
})
