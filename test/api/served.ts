import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Api, type ApiOptions, createApi } from '../../src/api/api.ts'
import { silentTrace } from '../../src/base/trace.ts'
import { FakeBackend } from './fake-backend.ts'

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
  readonly text: string
  /** Parsed; throws when it is not JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever came
  json(): any
}

export interface Sent {
  readonly body?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** An API behind a real unix socket in a folder of its own. */
export async function served(options: Partial<ApiOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'hive-api-'))
  const path = join(folder, 'agent.sock')
  const backend = new FakeBackend()
  const api: Api = await createApi(backend, { trace: silentTrace, node: 'n1', ...options })
  await api.listenSocket(path)
  return {
    api,
    backend,
    folder,
    path,
    send: (method: string, url: string, sent: Sent = {}) => sendTo(path, method, url, sent),
    async close() {
      await api.close()
      await rm(folder, { recursive: true })
    },
  }
}

export function sendTo(path: string, method: string, url: string, sent: Sent): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { socketPath: path, method, path: url, headers: sent.headers, signal: sent.signal },
      response => {
        const chunks: Buffer[] = []
        response.on('data', chunk => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const body = Buffer.concat(chunks)
          const text = body.toString()
          const { statusCode: status = 0, headers } = response
          resolve({ status, headers, body, text, json: () => JSON.parse(text) })
        })
      },
    )
    asked.on('error', reject)
    asked.end(sent.body)
  })
}
