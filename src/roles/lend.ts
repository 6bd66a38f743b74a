import type { Host } from './role.ts'

/** The host as one role sees it: its timers can be ended all at once, and what they throw is told. */
export interface Lent {
  readonly host: Host
  cancelTimers(): void
}

/** `health` hears what the role says of itself, and of its timers: red when one throws, green again when it no longer does. */
export function lend(
  host: Host,
  health: (state: 'running' | 'failed', detail: string) => void,
): Lent {
  const timers = new Set<{ cancel(): void }>()

  function every(period: number, task: () => Promise<void>) {
    let threw = false
    const timer = host.every(period, async () => {
      try {
        await task()
        if (threw) health('running', '')
        threw = false
      } catch (error) {
        threw = true
        health('failed', reason(error))
      }
    })
    const tracked = {
      cancel() {
        timer.cancel()
        timers.delete(tracked)
      },
    }
    timers.add(tracked)
    return tracked
  }

  const lent: Host = {
    now: () => host.now(),
    wall: () => host.wall(),
    every,
    remember: (key, value) => host.remember(key, value),
    recall: key => host.recall(key),
    readFile: path => host.readFile(path),
    listFiles: path => host.listFiles(path),
    connectTcp: (name, port, timeout) => host.connectTcp(name, port, timeout),
    requestHttp: (url, method, timeout) => host.requestHttp(url, method, timeout),
    health(state, detail) {
      host.health(state, detail)
      health(state, detail)
    },
    trace: text => host.trace(text),
  }
  return {
    host: lent,
    cancelTimers() {
      for (const timer of [...timers]) timer.cancel()
    },
  }
}

export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
