import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import type { Clock } from '../../base/time.ts'

/** Both halves of V8's young generation together, bytes. */
const enough = 16 * 1024 * 1024
/** V8 doubles it after some collections; this is about how long they take to come, ms. */
const period = 200

/**
 * V8 doubles its young generation under load, up to 100 MB of memory here, and hardly ever gives it back. From
 * `enough` on it stays as it is: an agent under load takes 60 MB less. A smaller one would be full of the requests
 * under way, which are then copied again and again.
 */
export function boundYoungGeneration(clock: Clock): void {
  setFlagsFromString('--heap-growing-percent=50')
  const look = (): void => {
    const young = getHeapSpaceStatistics().find(space => space.space_name === 'new_space')
    if (young !== undefined && young.space_size >= enough) {
      setFlagsFromString('--semi-space-growth-factor=1')
    } else {
      clock.after(period, look)
    }
  }
  clock.after(period, look)
}
