import { expect, test } from 'vitest'
import { Authority } from '../../src/agent/control/authority.ts'
import type { Links, RequestOutcome } from '../../src/net/link-types.ts'
import { ManualClock } from '../net/manual-clock.ts'

const notLeader: RequestOutcome = { ok: false, code: 'NOT_LEADER', message: 'not I' }

/** Asks a leader that is always known; `asked` are the bodies that it was sent. */
function stage(answer: (body: unknown) => RequestOutcome | undefined) {
  const clock = new ManualClock()
  const asked: unknown[] = []
  const request = ((_to, _method, body, _timeout, done) => {
    asked.push(body)
    const outcome = answer(body)
    if (outcome) done(outcome)
  }) as Links['request']
  const authority = new Authority({
    ...{ self: { id: 'n1' }, clock, client: 'n1/1', links: { request } as Links },
    ...{
      home: () => 'tag',
      leader: () => 'n2',
      control: () => ['n2'],
      isNear: () => true,
      local: () => {},
    },
  })
  return { clock, asked, authority }
}

test('what is asked again is held for as long as is left, and no longer', () => {
  const { clock, asked, authority } = stage(() => notLeader)
  authority.ask('kv-read', { wait: 100 }, 10_000, () => {}, 100)
  clock.advance(200)
  expect(asked.slice(0, 4)).toEqual([{ wait: 100 }, { wait: 40 }, { wait: 0 }, { wait: 0 }])
})
