import type { Clock } from '../base/time.ts'

/** The process's own time. */
export function realClock(): Clock {
  return {
    now: () => performance.now(),
    wall: () => Date.now(),
    after(delay, task) {
      const timer = setTimeout(task, delay)
      return { cancel: () => clearTimeout(timer) }
    },
    soon: task => void setImmediate(task),
  }
}
