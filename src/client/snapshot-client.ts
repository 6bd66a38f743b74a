import { createReadStream } from 'node:fs'
import type { RestoreAnswer } from '../api/types.ts'
import type { Millis } from '../base/time.ts'
import { type AgentClient, queryOf } from './agent-client.ts'

/** Snapshots on their way between a file and an agent. Every function rejects with OperatorError. */

/** Without a byte for so long, the agent is as good as gone. */
const silence: Millis = 150_000
const type = 'application/vnd.hive.snapshot'

export interface SnapshotHead {
  readonly cluster: string
  readonly index: number
  /** Bytes, about. */
  readonly size: number
}

export async function fetchSnapshot(
  agent: AgentClient,
  stale: boolean,
  sink: (bytes: Uint8Array, head: SnapshotHead) => void | Promise<void>,
): Promise<SnapshotHead> {
  const path = `/v1/hive/snapshot${queryOf({ stale })}`
  const headOf = (headers: Readonly<Record<string, unknown>>) => ({
    cluster: String(headers['x-hive-cluster'] ?? ''),
    index: Number(headers['x-hive-index'] ?? 0),
    size: Number(headers['x-hive-size'] ?? 0),
  })
  const answer = await agent.send({
    method: 'GET',
    path,
    timeout: silence,
    sink: (bytes, { headers }) => sink(bytes, headOf(headers)),
  })
  return headOf(answer.headers)
}

export async function sendSnapshot(
  agent: AgentClient,
  file: string,
  request: { readonly name: string; readonly another: boolean },
  sent: (bytes: number) => void,
): Promise<RestoreAnswer> {
  const path = `/v1/hive/snapshot/restore${queryOf(request)}`
  const answer = await agent.send({
    method: 'POST',
    path,
    timeout: silence,
    headers: { 'content-type': type },
    upload: counted(file, sent),
  })
  return agent.parse<RestoreAnswer>(answer)
}

async function* counted(file: string, sent: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  let total = 0
  for await (const bytes of createReadStream(file, { highWaterMark: 256 * 1024 })) {
    total += (bytes as Buffer).length
    sent(total)
    yield bytes as Buffer
  }
}
