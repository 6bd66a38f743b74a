import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import { rewriting } from './conversation.ts'

/** Compares with a text file that people read in review; REWRITE=1 writes it. */
export function expectGolden(path: string, text: string): void {
  const now = text.endsWith('\n') ? text : `${text}\n`
  if (rewriting) writeFileSync(path, now)
  expect(existsSync(path) ? readFileSync(path, 'utf8') : '').toBe(now)
}
