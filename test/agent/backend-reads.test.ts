import { expect, test } from 'vitest'
import type { Agent } from '../../src/agent/agent.ts'
import { backendOf } from '../../src/agent/backend.ts'
import { ManualClock } from '../net/manual-clock.ts'

test('a read at a node that led before its init was agreed, and does no longer, is refused and breaks nothing', async () => {
  let thrown: unknown
  const agent = {
    self: { name: 'n1', facts: {} },
    plane: { isLeader: () => true },
    kv: {
      // From the middle of the crank, long after the question.
      read: (_plane: unknown, _query: unknown, done: (read: null) => void) =>
        queueMicrotask(() => {
          try {
            done(null)
          } catch (error) {
            thrown = error
          }
        }),
    },
  } as unknown as Agent
  const read = backendOf(agent, new ManualClock()).kvRead({
    ...{ key: 'k', recurse: false, consistency: 'default' as const },
  })
  void read.catch(() => {})
  await new Promise(resolve => setImmediate(resolve))
  expect(thrown).toBeUndefined()
  await expect(read).rejects.toMatchObject({ code: 'NOT_INITIALISED' })
})
