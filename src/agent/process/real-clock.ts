import type { Clock } from '../../base/time.ts'

/** The process's own time. What is scheduled does not keep a stopped process alive; its sockets keep a running one. */
export function realClock(): Clock {
  return {
    now: () => performance.now(),
    wall: () => Date.now(),
    after(delay, task) {
      const timer = setTimeout(task, delay).unref()
      return { cancel: () => clearTimeout(timer) }
    },
    soon: task => void setImmediate(task),
  }
}
