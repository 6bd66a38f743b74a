import { expect, test } from 'vitest'
import { StorageFault } from '../../src/agent/control/storage-fault.ts'
import { OperatorError } from '../../src/base/errors.ts'
import { silentTrace } from '../../src/base/trace.ts'

test('what a disk refuses is a fault of it, and what is wrong in itself is none', () => {
  const heard: string[] = []
  const fault = new StorageFault(silentTrace, ({ message }) => heard.push(message))
  const refused = (code: 'IDENTITY_MISMATCH' | 'STORAGE', message: string) =>
    fault.guard(() => {
      throw new OperatorError(code, message)
    }, 'otherwise')
  expect(refused('IDENTITY_MISMATCH', 'of another key')).toBe('otherwise')
  expect(fault.failure).toBeUndefined()
  expect(refused('STORAGE', 'no space left')).toBe('otherwise')
  expect(refused('STORAGE', 'again')).toBe('otherwise')
  expect(heard).toEqual(['no space left'])
  expect(fault.notices('n1')[0]).toMatch(/^n1: storage io: no space left; no vote/)
})
