import { expect, test } from 'vitest'
import { seeded } from '../../src/base/random.ts'
import { inventList, inventRegister, inventSet } from './invented.ts'
import { checkList } from './list.ts'
import { checkRegister } from './register.ts'
import { checkSet } from './set.ts'

/**
 * Long histories of one key, with operations that stay open for ever. The limit of the search is counted in steps, so
 * that a search which runs away ends as `unknown` on every machine alike; how long it took is printed.
 */
test('long histories are judged', () => {
  const took: string[] = []
  const timed = (what: string, judge: () => { readonly ok: unknown }, ok: boolean): void => {
    const began = performance.now()
    expect(judge().ok, what).toBe(ok)
    took.push(`${what}: ${Math.round(performance.now() - began)} ms`)
  }
  const shape = { clients: 8, operations: 5_000, lost: 0.01 }
  const registers = inventRegister(seeded(1), shape)
  const sets = inventSet(seeded(3), { ...shape, operations: 1_000 })
  timed('register, 5,000 operations', () => checkRegister(registers), true)
  timed(
    'list, 2,000',
    () => checkList(inventList(seeded(2), { ...shape, operations: 2_000 })),
    true,
  )
  timed('set, 1,000', () => checkSet(sets), true)
  const last = Math.max(...registers.map(o => o.returned ?? 0))
  const first = registers.find(o => o.call.kind === 'read' && o.call.saw !== null)!
  const stale = { call: first.call, invoked: last + 1, returned: last + 2 }
  timed('register, stale at its end', () => checkRegister([...registers, stale]), false)
  console.log(took.join('; '))
})
