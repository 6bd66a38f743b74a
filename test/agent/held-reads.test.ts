import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HeldReads } from '../../src/agent/desk/held-reads.ts'
import type { HiveEvent } from '../../src/state/events.ts'
import { ManualClock } from '../net/manual-clock.ts'
import { Bench, event, initialised } from '../state/support.ts'

const part = fc.constantFrom('a', 'b', '/', 'ä', '😀')
const key = fc.array(part, { minLength: 1, maxLength: 4 }).map(parts => parts.join(''))
const prefix = fc.array(part, { maxLength: 4 }).map(parts => parts.join(''))

const deed = fc.oneof(
  fc.record({ what: fc.constant('put' as const), key, value: fc.constantFrom('1', '2') }),
  fc.record({ what: fc.constant('delete' as const), key }),
  fc.record({ what: fc.constant('delete under' as const), key: prefix }),
  fc.record({ what: fc.constant('swap in vain' as const), key }),
)
const question = fc.oneof(
  fc.record({ key, recurse: fc.constant(false) }),
  fc.record({ key: prefix, recurse: fc.constant(true) }),
)

test('a read is woken by exactly what moves the index that it waits for', () => {
  fc.assert(
    fc.property(
      fc.array(question, { minLength: 1, maxLength: 60 }),
      fc.array(deed, { minLength: 1, maxLength: 40 }),
      (questions, deeds) => {
        const bench = new Bench()
        bench.event(initialised)
        const reads = new HeldReads(new ManualClock())
        const woken = new Set<number>()
        const asked = questions.map((q, i) => {
          const after = bench.state.kvIndex(q.key, q.recurse)
          reads.hold({ ...q, after, stale: false }, 1_000, () => woken.add(i))
          return { ...q, after }
        })
        for (const deed of deeds) {
          reads.applied(bench.state, [applied(bench, deed)])
          asked.forEach(({ key, recurse, after }, i) => {
            if (woken.has(i)) return
            expect(bench.state.kvIndex(key, recurse)).toBe(after)
          })
          for (const i of woken) {
            const { key, recurse, after } = asked[i]!
            expect(bench.state.kvIndex(key, recurse)).toBeGreaterThan(after)
          }
        }
      },
    ),
  )
})

function applied(bench: Bench, deed: { what: string; key: string; value?: string }): HiveEvent {
  const { what, key } = deed
  if (what === 'delete') return did(bench, 'KvDelete', { key })
  if (what === 'delete under') return did(bench, 'KvDelete', { key, recurse: true })
  const value = new TextEncoder().encode(deed.value ?? '3')
  const cas = what === 'swap in vain' ? { cas: 999_999 } : {}
  return did(bench, 'KvPut', { key, value, flags: 0, ...cas })
}

function did(bench: Bench, type: 'KvPut' | 'KvDelete', data: object): HiveEvent {
  const made = event(type, data as never)
  bench.event(made)
  return made
}
