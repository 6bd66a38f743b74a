import { afterEach, expect, test, vi } from 'vitest'
import { numberIn, oneOf, runTool, UsageError, wholeIn } from '../../scripts/tool.ts'

const argv = process.argv
const out = vi.spyOn(console, 'log').mockImplementation(() => {})
const errors = vi.spyOn(console, 'error').mockImplementation(() => {})

afterEach(() => {
  process.argv = argv
  process.exitCode = undefined
  out.mockClear()
  errors.mockClear()
})

test('--help tells of a tool and does not run it', async () => {
  process.argv = [...argv.slice(0, 2), '--seeds', '5', '--help']
  const main = vi.fn(() => 1)
  await runTool('what it does\n', main)
  expect(main).not.toHaveBeenCalled()
  expect(out).toHaveBeenCalledWith('what it does')
  expect(process.exitCode).toBeUndefined()
})

test('what it comes to is the exit code', async () => {
  process.argv = argv.slice(0, 2)
  await runTool('help', async () => 3)
  expect(process.exitCode).toBe(3)
})

test('a wrong command line is told in a line, before the help', async () => {
  process.argv = argv.slice(0, 2)
  await runTool('help', () => wholeIn('seeds', 'x', 1))
  expect(errors).toHaveBeenCalledWith('--seeds: "x" must be a number of at least 1\n\nhelp')
  expect(process.exitCode).toBe(2)
})

test('a bug stays a bug', async () => {
  process.argv = argv.slice(0, 2)
  const main = () => Promise.reject(new TypeError('oh'))
  await expect(runTool('help', main)).rejects.toThrow('oh')
})

test('numbers and words are checked', () => {
  expect(numberIn('minutes', '0.5', 0.1, 9)).toBe(0.5)
  expect(wholeIn('seed', '0', 0)).toBe(0)
  expect(oneOf('--network', 'proxy', ['proxy', 'auto'])).toBe('proxy')
  expect(() => numberIn('minutes', '-1', 0.1, 9)).toThrow('from 0.1 to 9')
  expect(() => numberIn('minutes', '', 0.1)).toThrow(UsageError)
  expect(() => wholeIn('seed', '1.5', 0)).toThrow('whole')
  expect(() => wholeIn('seed', '9'.repeat(20), 0)).toThrow('whole')
  expect(() => oneOf('--network', 'tube', ['proxy', 'auto'])).toThrow('known are proxy, auto')
})
