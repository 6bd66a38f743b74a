import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { OperatorError } from '../../src/base/errors.ts'
import type { AgentClient, LoggedEvent, LogQuery } from '../../src/client/agent-client.ts'
import { followLog, readLog } from '../../src/client/log-reader.ts'

const event = (seq: number): LoggedEvent =>
  ({ seq, term: 1, epoch: 1, time: 0, actor: 'a', type: 'KvPut', data: {} }) as LoggedEvent

/** An agent whose log holds seq 1 to `last`, handed out in pages of at most 500. */
function agentWith(last: number, meanwhile: (query: LogQuery) => void = () => {}): AgentClient {
  return {
    log: async (query: LogQuery) => {
      meanwhile(query)
      const from = Math.max(1, query.from)
      const count = Math.max(0, Math.min(query.limit, last - from + 1))
      const events = Array.from({ length: count }, (_, i) => event(from + i))
      return { events, next: from + count }
    },
  } as unknown as AgentClient
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test.each([0, 1, 499, 500, 501, 1500])('reads a log of %d events, each once', async last => {
  const seen: number[] = []
  const next = await readLog(agentWith(last), { from: 0 }, e => seen.push(e.seq))
  expect(seen).toEqual(Array.from({ length: last }, (_, i) => i + 1))
  expect(next).toBe(last + 1)
})

test('following goes on when the agent comes back, and gives up when it stays away', async () => {
  const away = new OperatorError('NO_AGENT', 'no agent answers')
  let asked = 0
  const agent = agentWith(3, ({ wait }) => {
    if (wait !== undefined && ++asked !== 3) throw away
  })
  const seen: number[] = []
  const followed = followLog(agent, { from: 0 }, e => seen.push(e.seq))
  const failure = expect(followed).rejects.toBe(away)
  await vi.runAllTimersAsync()
  await failure
  expect(seen).toEqual([1, 2, 3])
  expect(asked).toBe(3 + 61)
})

test('following goes on when the agent ends what it holds because it stops', async () => {
  const stopping = new OperatorError('BUSY', 'the agent is stopping')
  const over = new OperatorError('BAD_REQUEST', 'the test is over')
  let asked = 0
  const agent = agentWith(3, ({ wait }) => {
    if (wait !== undefined) throw ++asked < 3 ? stopping : over
  })
  const failure = expect(followLog(agent, { from: 0 }, () => {})).rejects.toBe(over)
  await vi.runAllTimersAsync()
  await failure
})

test('following says which epoch it has read', async () => {
  const over = new OperatorError('BAD_REQUEST', 'the test is over')
  const asked: LogQuery[] = []
  const agent = {
    log: async (query: LogQuery) => {
      asked.push(query)
      if (asked.length === 3) throw over
      return { events: [], next: 8, epoch: 2 }
    },
  } as unknown as AgentClient
  await expect(followLog(agent, { from: 8 }, () => {})).rejects.toBe(over)
  expect(asked.map(({ epoch }) => epoch)).toEqual([undefined, 2, 2])
})

test('an error that waiting cannot mend ends the following at once', async () => {
  const broken = new OperatorError('BAD_REQUEST', 'no such type')
  const agent = agentWith(0, ({ wait }) => {
    if (wait !== undefined) throw broken
  })
  await expect(followLog(agent, { from: 0 }, () => {})).rejects.toBe(broken)
})
