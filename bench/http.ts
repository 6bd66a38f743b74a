import { Agent, request } from 'node:http'

const agent = new Agent({ keepAlive: true, maxSockets: 4096 })

export interface Answer {
  readonly status: number
  readonly text: string
}

/** One request over a kept connection. Rejects when there is no answer in time. */
export function ask(
  url: string,
  options: { method?: string; body?: string; timeout?: number } = {},
): Promise<Answer> {
  const { method = 'GET', body, timeout = 5000 } = options
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
    const sent = request(url, { method, agent, headers }, response => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('end', () => {
        clearTimeout(timer)
        resolve({ status: response.statusCode!, text: Buffer.concat(chunks).toString() })
      })
      response.on('error', reject)
    })
    const timer = setTimeout(() => sent.destroy(new Error(`no answer in ${timeout} ms`)), timeout)
    sent.on('error', error => {
      clearTimeout(timer)
      reject(error)
    })
    sent.end(body)
  })
}

/** As `ask`, for JSON; rejects for any other status than 200. */
export async function askJson<T>(url: string, options: Parameters<typeof ask>[1] = {}): Promise<T> {
  const { status, text } = await ask(url, options)
  if (status !== 200) throw new Error(`${url}: ${status} ${text.slice(0, 200)}`)
  return JSON.parse(text) as T
}
