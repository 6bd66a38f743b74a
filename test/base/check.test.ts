import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { check } from '../../src/base/check.ts'

const shape = z.strictObject({
  name: z.string().check(z.minLength(2), z.maxLength(4)),
  count: z.optional(z.int().check(z.gte(1), z.lte(9))),
  on: z._default(z.boolean(), false),
  level: z.optional(z.enum(['low', 'high'])),
  items: z.optional(z.array(z.strictObject({ id: z.string() })).check(z.maxLength(2))),
  pairs: z.optional(z.record(z.string(), z.strictObject({ to: z.number() }))),
})

function problems(raw: unknown, at?: string): string[] {
  const checked = check(shape, raw, at)
  if ('value' in checked) return []
  return checked.problems.map(({ key, message }) => `${key}: ${message}`)
}

describe('checking data from outside', () => {
  it('gives what is right, with its defaults', () => {
    expect(check(shape, { name: 'ab' })).toEqual({ value: { name: 'ab', on: false } })
  })

  it('says in plain words what is wrong, all of it', () => {
    expect(problems({ name: 7, count: 1.5, on: 'yes', level: 'mid', items: {} })).toEqual([
      'name: must be text, not a number',
      'count: must be a whole number, not 1.5',
      'on: must be true or false, not text',
      'level: must be one of low, high',
      'items: must be a list, not an object',
    ])
    expect(problems({})).toEqual(['name: is missing; it must be text'])
    expect(problems({ name: 'a', count: 0 })).toEqual([
      'name: must be at least 2 characters',
      'count: must be at least 1',
    ])
    expect(
      problems({ name: 'abcde', count: 10, items: [{ id: 'a' }, { id: 'b' }, { id: 'c' }] }),
    ).toEqual([
      'name: must be at most 4 characters',
      'count: must be at most 9',
      'items: must be at most 2 items',
    ])
    expect(problems(null)).toEqual([': must be an object, not null'])
    expect(problems([])).toEqual([': must be an object, not a list'])
  })

  it('knows what an unknown key was meant to be, at any depth', () => {
    expect(problems({ name: 'ab', cuont: 1, zzzzzz: 1 })).toEqual([
      'cuont: unknown; did you mean count?',
      'zzzzzz: unknown; known are name, count, on, level, items, pairs',
    ])
    expect(
      problems({ name: 'ab', items: [{ id: 'a', di: 1 }], pairs: { x: { to: 1, tu: 2 } } }),
    ).toEqual(['items[0].di: unknown; did you mean id?', 'pairs.x.tu: unknown; did you mean to?'])
  })

  it('puts the place in front', () => {
    expect(problems({ name: 1 }, 'role.host')).toEqual([
      'role.host.name: must be text, not a number',
    ])
  })
})
