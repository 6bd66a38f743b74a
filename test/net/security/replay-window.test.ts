import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ReplayWindows, windowSize } from '../../../src/net/security/replay-window.ts'

test('agrees with a list of everything that was seen', () => {
  const numbers = fc.oneof(
    fc.integer({ min: 0, max: 40 }),
    fc.integer({ min: 0, max: 3 * windowSize }),
    fc.integer({ min: 0, max: 2 ** 40 }),
  )
  fc.assert(
    fc.property(fc.array(numbers, { maxLength: 200 }), list => {
      const windows = new ReplayWindows()
      const seen = new Set<number>()
      let newest = -1
      for (const n of list) {
        const fresh = !seen.has(n) && n > newest - windowSize
        expect(windows.accept('a', 'boot', n)).toBe(fresh)
        if (fresh) seen.add(n)
        newest = Math.max(newest, n)
      }
    }),
  )
})

test('senders and boots have windows of their own', () => {
  const windows = new ReplayWindows()
  const all = ['a', 'b'].flatMap(sender => ['1', '2'].map(boot => windows.accept(sender, boot, 7)))
  expect(all).toEqual([true, true, true, true])
  expect(windows.accept('a', '1', 7)).toBe(false)
})

test('a boot that is over stays over, whatever is brought back', () => {
  const windows = new ReplayWindows()
  const boots = Array.from({ length: 12 }, (_, i) => `boot ${i}`)
  for (const boot of boots) expect(windows.accept('a', boot, 0)).toBe(true)
  // Nothing is new, neither of those before nor, after all these attempts, of the present one.
  for (const boot of [...boots, ...boots]) expect(windows.accept('a', boot, 0)).toBe(false)
  expect(windows.accept('a', boots[0]!, 9)).toBe(false)
  expect(windows.accept('a', boots.at(-1)!, 1)).toBe(true)
})
