import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { mutants } from './mutants.ts'
import { mutated, root } from './patch.ts'

test('every deliberate bug still fits the code, once', () => {
  for (const mutant of mutants) {
    const source = readFileSync(root + mutant.file, 'utf8')
    expect(mutated(mutant, source), mutant.name).not.toBe(source)
  }
})

test('names are unique, and there are enough of them to mean something', () => {
  expect(new Set(mutants.map(m => m.name)).size).toBe(mutants.length)
  expect(mutants.length).toBeGreaterThanOrEqual(25)
})
