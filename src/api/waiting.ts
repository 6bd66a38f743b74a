import type { ServerResponse } from 'node:http'
import { parseDuration } from '../base/duration.ts'
import { OperatorError } from '../base/errors.ts'

/** Longest that a blocking query waits, ms, as in Consul. */
export const maxWait = 600_000
/** …and how long when it does not say, ms. */
export const defaultWait = 300_000
/**
 * Blocking queries at once, over all connections; each holds a socket and a watcher, here and at the leader. Half
 * of what a node may ask of another at a time, so that writes find room beside them.
 */
const maxWaiting = 2048

/** `wait=10s` as Consul writes it, or milliseconds without a unit. Undefined: neither. */
export function parseWait(text: string): number | undefined {
  const wait = /^\d{1,12}$/.test(text) ? Number(text) : parseDuration(text)
  return wait === undefined ? undefined : Math.min(wait, maxWait)
}

/**
 * Requests that wait for something to change. Each gets a signal that says when nobody wants the
 * answer any more: the client went away, or the agent stops.
 */
export class Waiting {
  readonly #running = new Set<AbortController>()
  #closed = false

  async run<T>(response: ServerResponse, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#closed) throw stopping()
    if (this.#running.size >= maxWaiting) {
      throw new OperatorError(
        'BUSY',
        `${maxWaiting} blocking queries wait already`,
        'wait for less at a time, or ask another agent',
      )
    }
    const controller = new AbortController()
    const gone = () => controller.abort()
    response.once('close', gone)
    this.#running.add(controller)
    try {
      return await Promise.race([task(controller.signal), aborted(controller.signal)])
    } finally {
      response.off('close', gone)
      this.#running.delete(controller)
    }
  }

  /** Ends all of them; later ones are refused. */
  close(): void {
    this.#closed = true
    for (const controller of this.#running) controller.abort()
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(stopping()), { once: true })
  })
}

function stopping(): OperatorError {
  return new OperatorError('BUSY', 'the agent is stopping', 'ask another agent')
}
