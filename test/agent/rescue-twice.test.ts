import { expect, test } from 'vitest'
import { type RecoveryDeskParts, recoveryDesk } from '../../src/agent/desk/recovery.ts'
import type { RequestOutcome } from '../../src/net/link-types.ts'

test('a second rescue is refused while the first is under way, and leaves its intent alone', () => {
  const tag = 'a'.repeat(36)
  let facts: unknown = { cluster: { tag, name: 'prod', epoch: 1 }, group: { tag } }
  const lineages: number[] = []
  const plane = {
    state: { cluster: { epoch: 1 } },
    leader: () => null,
    rescue: (lineage: number) => lineages.push(lineage) > 0,
  }
  const parts = {
    self: {
      ...{ id: 'me', name: 'n1' },
      get facts() {
        return facts
      },
      update: (change: object) => {
        facts = { ...(facts as object), ...change }
      },
    },
    trace: { warn() {} },
    clock: { now: () => 0, after() {} },
    diskWorks: () => true,
    newerEpoch: () => undefined,
    leaderless: () => null,
    plane: () => plane,
  } as unknown as RecoveryDeskParts
  const start = recoveryDesk(parts, { below: n => n - 1 })['recover-start']!
  const order = { tag, epoch: 2, metaVersion: 3, voters: ['me'], lost: [], reason: '', actor: 'a' }
  const said: RequestOutcome[] = []
  const ask = () =>
    start({ from: 'me', body: order, answer: (o: RequestOutcome) => said.push(o) } as never)
  ask()
  const begun = facts
  ask()
  expect(said).toMatchObject([{ ok: false, code: 'REFUSED', message: /under way there already/ }])
  expect(facts).toBe(begun)
  expect(lineages).toHaveLength(1)
})
