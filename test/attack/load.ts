import { readFileSync } from 'node:fs'
import type { Agent } from '../support/agents.ts'

/** What a client of the cluster notices while something goes on: its writes, one after the other. */
export interface Window {
  readonly what: string
  readonly seconds: number
  readonly writes: number
  readonly refused: number
  /** ms */
  readonly p50: number
  readonly p99: number
  readonly longest: number
}

/** Writes through `agent` until `over`, and says how it went. */
export async function writing(what: string, agent: Agent, over: () => boolean): Promise<Window> {
  const took: number[] = []
  let refused = 0
  const begun = performance.now()
  while (!over()) {
    const began = performance.now()
    const path = `/v1/kv/attack/${took.length % 100}`
    try {
      await agent.client.send({ method: 'PUT', path, timeout: 10_000, body: Buffer.from('x') })
      took.push(performance.now() - began)
    } catch {
      refused++
    }
  }
  const sorted = took.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN
  return {
    ...{ what, writes: took.length, refused, seconds: (performance.now() - begun) / 1000 },
    ...{ p50: at(0.5), p99: at(0.99), longest: at(1) },
  }
}

/** For so long, s. */
export function forSeconds(seconds: number): () => boolean {
  const end = performance.now() + seconds * 1000
  return () => performance.now() > end
}

/** MiB: the most that the process ever had. */
export function mostMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1024
}

/** s of processor time that the process has had. */
export function cpuTime(pid: number): number {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .split(') ')[1]!
    .split(' ')
    .slice(11)
  return (Number(user) + Number(system)) / 100
}

/** As lines of a table in Markdown, for docs/security.md. */
export function table(windows: readonly Window[]): string {
  const rows = windows.map(w =>
    [
      w.what,
      (w.writes / w.seconds).toFixed(0),
      ...[w.p50, w.p99, w.longest].map(ms => ms.toFixed(1)),
      w.refused,
    ].join(' | '),
  )
  return [
    'writes while | /s | p50 ms | p99 ms | longest ms | refused',
    '--- | --- | --- | --- | --- | ---',
    ...rows,
  ]
    .map(row => `| ${row} |`)
    .join('\n')
}
