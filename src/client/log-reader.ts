import { OperatorError } from '../base/errors.ts'
import type { Millis } from '../base/time.ts'
import type { AgentClient, LoggedEvent } from './agent-client.ts'

/** The event log, page by page. */

export interface LogRange {
  readonly from: number
  readonly type?: string | undefined
}

const pageSize = 500
/** An agent that has nothing new answers after so long, and is asked again. */
const patience: Millis = 30_000
/** Between attempts while the agent is away, so that following survives its restart. */
const retry: Millis = 1000
const attempts = 60

/** Told before the events: who in them is in the cluster no longer. */
export type Learn = (names: Readonly<Record<string, string>>) => void

/** All there is, in order; answers where the next read begins. */
export async function readLog(
  agent: AgentClient,
  range: LogRange,
  show: (event: LoggedEvent) => void,
  learn: Learn = () => {},
): Promise<number> {
  let { from } = range
  for (;;) {
    const page = await agent.log({ from, limit: pageSize, type: range.type })
    learn(page.names ?? {})
    page.events.forEach(show)
    if (page.next <= from || page.events.length === 0) return page.next
    from = page.next
  }
}

/** Goes on with what happens next; ends only by rejecting, when the agent stays away. */
export async function followLog(
  agent: AgentClient,
  range: LogRange,
  show: (event: LoggedEvent) => void,
  learn: Learn = () => {},
): Promise<never> {
  let from = await readLog(agent, range, show, learn)
  let failures = 0
  for (;;) {
    try {
      const page = await agent.log({ from, limit: pageSize, type: range.type, wait: patience })
      learn(page.names ?? {})
      page.events.forEach(show)
      from = page.next
      failures = 0
    } catch (error) {
      const away =
        error instanceof OperatorError &&
        ['NO_AGENT', 'NO_QUORUM', 'NOT_LEADER', 'TIMEOUT'].includes(error.code)
      if (!away || ++failures > attempts) throw error
      await new Promise(resolve => setTimeout(resolve, retry))
    }
  }
}
