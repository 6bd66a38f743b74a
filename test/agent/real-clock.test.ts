import { expect, test } from 'vitest'
import { realClock } from '../../src/agent/process/real-clock.ts'

/** Whoever compares the time with the end of a wait has to find that it is over: the simulator's clock keeps that, too. */
test('nothing that was to happen after a while happens before, however long the turn took that asked for it', async () => {
  const clock = realClock()
  const early = await new Promise<number[]>(resolve => {
    const seen: number[] = []
    const again = (): void => {
      // Node counts from the beginning of the turn, as long as it is.
      for (const end = clock.now() + 3; clock.now() < end; );
      const due = clock.now() + 2
      clock.after(2, () => {
        seen.push(due - clock.now())
        if (seen.length < 20) again()
        else resolve(seen)
      })
    }
    again()
  })
  expect(Math.max(...early)).toBeLessThanOrEqual(0)
})
