import { Agent, request } from 'node:http'
import type { SoakNode } from './node.ts'

/** How a request ended. `fail`: certainly without effect. `info`: nobody knows. */
export type Reply<T> =
  | { readonly outcome: 'ok'; readonly value: T }
  | { readonly outcome: 'fail' | 'info'; readonly why: string }

export interface Entry {
  readonly text: string
  readonly modifyIndex: number
}

/** After so long a client gives up, ms. */
const patience = 5_000

/** Errors before anything was sent. */
const unsent = new Set(['ENOENT', 'ECONNREFUSED'])
/** Answers that promise that nothing happened. */
const harmless = new Set(['BAD_REQUEST', 'TOO_LARGE', 'NOT_INITIALISED', 'NOT_FOUND', 'NOT_LEADER'])

const connections = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY })

/** Consul's `/v1/kv` at one agent, with outcomes instead of exceptions. */
export class Kv {
  readonly node: SoakNode

  constructor(node: SoakNode) {
    this.node = node
  }

  /** null: there is no such key. */
  async get(key: string, consistent: boolean): Promise<Reply<Entry | null>> {
    const reply = await this.#ask('GET', `${key}${consistent ? '?consistent' : ''}`)
    if ('why' in reply) return reply
    // Whatever its body says, Consul's clients take it for a key that is not there.
    if (reply.status === 404) return { outcome: 'ok', value: null }
    if (reply.status !== 200) return refusal(reply)
    const [item] = JSON.parse(reply.body) as { Value: string | null; ModifyIndex: number }[]
    const text = Buffer.from(item!.Value ?? '', 'base64').toString()
    return { outcome: 'ok', value: { text, modifyIndex: item!.ModifyIndex } }
  }

  /** `cas`: 0: only if absent; other: only if its ModifyIndex is that. The value says whether it was written. */
  async put(key: string, text: string, cas?: number): Promise<Reply<boolean>> {
    const query = cas === undefined ? '' : `?cas=${cas}`
    return this.#write(await this.#ask('PUT', `${key}${query}`, text))
  }

  async delete(key: string): Promise<Reply<boolean>> {
    return this.#write(await this.#ask('DELETE', key))
  }

  #write(reply: Answer | Reply<never>): Reply<boolean> {
    if (!('status' in reply)) return reply
    if (reply.status !== 200) return refusal(reply)
    return { outcome: 'ok', value: reply.body.trim() === 'true' }
  }

  #ask(
    method: string,
    path: string,
    body?: string,
  ): Promise<Answer | (Reply<never> & { why: string })> {
    return new Promise(resolve => {
      const target = { socketPath: this.node.socket, agent: connections }
      const asked = request({ ...target, method, path: `/v1/kv/${path}` })
      const timer = setTimeout(() => asked.destroy(new Error('no answer in time')), patience)
      const lost = (error: NodeJS.ErrnoException): void => {
        clearTimeout(timer)
        const outcome = unsent.has(error.code ?? '') ? 'fail' : 'info'
        resolve({ outcome, why: error.code ?? error.message })
      }
      asked.on('error', lost)
      asked.on('response', answer => {
        let text = ''
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        answer.on('error', lost)
        answer.on('end', () => {
          clearTimeout(timer)
          resolve({ status: answer.statusCode!, body: text })
        })
      })
      asked.end(body)
    })
  }
}

interface Answer {
  readonly status: number
  readonly body: string
}

function refusal({ status, body }: Answer): Reply<never> {
  const code = /"code":"([A-Z_]+)"/.exec(body)?.[1] ?? `HTTP ${status}`
  return { outcome: harmless.has(code) ? 'fail' : 'info', why: code }
}
