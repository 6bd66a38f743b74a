import { expect, test } from 'vitest'
import { Authority } from '../../src/agent/control/authority.ts'
import type { Links, RequestOutcome } from '../../src/net/link-types.ts'
import { ManualClock } from '../net/manual-clock.ts'

const notLeader: RequestOutcome = { ok: false, code: 'NOT_LEADER', message: 'not I' }

/** Asks n2, who leads as far as is known; `asked` are the bodies that it was sent. Its answer takes `after` ms. */
function stage(
  answer: (body: unknown) => RequestOutcome | undefined,
  { leader = 'n2', after = 0 }: { leader?: string | null; after?: number } = {},
) {
  const clock = new ManualClock()
  const asked: unknown[] = []
  const request = ((_to, _method, body, _timeout, done) => {
    asked.push(body)
    const outcome = answer(body)
    if (!outcome) return
    if (after === 0) done(outcome)
    else clock.after(after, () => done(outcome))
  }) as Links['request']
  const authority = new Authority({
    ...{ self: { id: 'n1' }, clock, client: 'n1/1', links: { request } as Links },
    ...{
      home: () => 'tag',
      leader: () => leader,
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

test('that nobody decides is said soon, however long those who may know take to say so, and the answer may be held', () => {
  const silent: RequestOutcome = { ok: false, code: 'TIMEOUT', message: 'no answer' }
  const { clock, authority } = stage(() => silent, { leader: null, after: 1_001 })
  const heard: RequestOutcome[] = []
  authority.ask('promote', {}, 10_000, outcome => heard.push(outcome), 120_000)
  clock.advance(12_000)
  expect(heard).toMatchObject([{ code: 'NO_QUORUM' }])
})
