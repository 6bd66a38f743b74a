import type { Clock } from '../../base/time.ts'

/** The process's own time. What is scheduled does not keep a stopped process alive; its sockets keep a running one. */
export function realClock(): Clock {
  return {
    now: () => performance.now(),
    wall: () => Date.now(),
    after(delay, task) {
      const due = performance.now() + delay
      let timer: NodeJS.Timeout
      const wait = (pause: number): void => {
        timer = setTimeout(() => {
          // Node counts whole milliseconds from the beginning of the turn, and so may call early.
          const left = due - performance.now()
          if (left > 0) wait(left)
          else task()
        }, pause).unref()
      }
      wait(delay)
      return { cancel: () => clearTimeout(timer) }
    },
    soon: task => void setImmediate(task),
  }
}
