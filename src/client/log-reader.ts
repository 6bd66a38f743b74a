import { OperatorError } from '../base/errors.ts'
import type { Millis } from '../base/time.ts'
import type { AgentClient, LoggedEvent, LogPage, LogQuery } from './agent-client.ts'

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
  return (await readAll(agent, range, show, learn)).next
}

type Read = Pick<LogPage, 'next' | 'epoch'>

async function readAll(
  agent: AgentClient,
  { from, type }: LogRange,
  show: (event: LoggedEvent) => void,
  learn: Learn,
): Promise<Read> {
  let read: Read = { next: from }
  for (;;) {
    const before = read.next
    const page = await agent.log({ ...after(read), limit: pageSize, type })
    learn(page.names ?? {})
    page.events.forEach(show)
    read = page
    if (page.next <= before || page.events.length === 0) return read
  }
}

/** With the epoch that was read: where a rescue threw history away, the next page goes back to it. */
function after({ next, epoch }: Read): Pick<LogQuery, 'from' | 'epoch'> {
  return { from: next, ...(epoch !== undefined && { epoch }) }
}

/** Goes on with what happens next; ends only by rejecting, when the agent stays away. */
export async function followLog(
  agent: AgentClient,
  range: LogRange,
  show: (event: LoggedEvent) => void,
  learn: Learn = () => {},
): Promise<never> {
  let read = await readAll(agent, range, show, learn)
  let failures = 0
  for (;;) {
    try {
      const query = { ...after(read), limit: pageSize, type: range.type, wait: patience }
      const page = await agent.log(query)
      learn(page.names ?? {})
      page.events.forEach(show)
      read = page
      failures = 0
    } catch (error) {
      const away =
        error instanceof OperatorError &&
        ['NO_AGENT', 'NO_QUORUM', 'NOT_LEADER', 'TIMEOUT', 'BUSY'].includes(error.code)
      if (!away || ++failures > attempts) throw error
      await new Promise(resolve => setTimeout(resolve, retry))
    }
  }
}
