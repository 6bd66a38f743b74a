import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { which } from './processes.ts'

/**
 * Load on one HTTP server: so many requests under way, always. wrk where it is installed, since it takes
 * the least from the servers on the same cores; else a client in this process, which takes a lot.
 */
export interface Target {
  readonly url: string
  readonly method: 'GET' | 'PUT' | 'POST'
  /**
   * Path and body are templates: `%k` becomes the key's number, `%n` that of the request, so that no value
   * is written twice; both have ten digits.
   */
  readonly path: string
  readonly body: string
  /** How many different keys. */
  readonly keys: number
}

export interface Window {
  readonly perSecond: number
  /** Latencies, ms. */
  readonly p50: number
  readonly p99: number
  /** Answers other than 200, and none. */
  readonly errors: number
}

export const loadClient = which('wrk') ? 'wrk' : 'node:http'

let scripts = 0

/** One window; rejects when nothing at all was answered. */
export async function loadWindow(
  dir: string,
  target: Target,
  clients: number,
  seconds: number,
): Promise<Window> {
  const window = which('wrk')
    ? await wrk(dir, target, clients, seconds)
    : await withNode(target, clients, seconds)
  if (window.perSecond === 0) throw new Error(`nobody answers on ${target.url}${target.path}`)
  return window
}

async function wrk(dir: string, target: Target, clients: number, seconds: number) {
  const script = join(dir, `load-${++scripts}.lua`)
  writeFileSync(script, lua(target))
  const args = ['-t1', `-c${clients}`, `-d${seconds}s`, '--timeout', '10s', '-s', script]
  const output = await new Promise<string>((resolve, reject) => {
    const timeout = (seconds + 30) * 1000
    execFile('wrk', [...args, target.url], { timeout }, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    )
  })
  const said = /^RESULT (.+)$/m.exec(output)
  if (!said) throw new Error(`wrk said nothing of use: ${output}`)
  const [requests, micros, p50, p99, errors] = said[1]!.split(' ').map(Number)
  return {
    perSecond: (requests! - errors!) / (micros! / 1e6),
    p50: p50! / 1000,
    p99: p99! / 1000,
    errors: errors!,
  }
}

function lua({ method, path, body, keys }: Target): string {
  return `
local n = ${firstNumber()}
local format = string.format
wrk.method = "${method}"
function request()
  n = n + 1
  local number = format("%010d", n)
  local key = format("%010d", n % ${keys})
  return wrk.format(nil, ${luaText(path)}, nil, ${luaText(body)})
end
function done(summary, latency)
  local e = summary.errors
  print(format("RESULT %d %d %d %d %d", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
`
}

/** A template as an expression. */
function luaText(template: string): string {
  const text = template.replaceAll('"', '\\"')
  return `"${text}"`.replaceAll('%k', '" .. key .. "').replaceAll('%n', '" .. number .. "')
}

/** Each window counts from somewhere else. */
function firstNumber(): number {
  return Math.floor(Math.random() * 1e6) * 1000
}

/** Sends the request for each key once; rejects unless all were answered well. */
export async function writeEach(target: Target): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 })
  const number = firstNumber()
  let next = 0
  const client = async (): Promise<void> => {
    while (next < target.keys) {
      const key = next++
      const ok = await one(
        agent,
        target,
        fill(target.path, key, number),
        fill(target.body, key, number),
      )
      if (!ok) throw new Error(`${target.url} did not take key ${key}`)
    }
  }
  await Promise.all(Array.from({ length: 32 }, client))
  agent.destroy()
}

async function withNode(target: Target, clients: number, seconds: number): Promise<Window> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  const latencies: number[] = []
  let errors = 0
  let n = firstNumber()
  const from = performance.now()
  const until = from + seconds * 1000
  const client = async (): Promise<void> => {
    while (performance.now() < until) {
      const number = ++n
      const key = number % target.keys
      const began = performance.now()
      const ok = await one(
        agent,
        target,
        fill(target.path, key, number),
        fill(target.body, key, number),
      )
      if (ok) latencies.push(performance.now() - began)
      else errors++
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  agent.destroy()
  const elapsed = (performance.now() - from) / 1000
  latencies.sort((a, b) => a - b)
  const at = (part: number) => latencies[Math.floor(latencies.length * part)] ?? Number.NaN
  return { perSecond: latencies.length / elapsed, p50: at(0.5), p99: at(0.99), errors }
}

function fill(template: string, key: number, number: number): string {
  return template.replaceAll('%k', digits(key)).replaceAll('%n', digits(number))
}

function digits(number: number): string {
  return String(number).padStart(10, '0')
}

function one(agent: Agent, target: Target, path: string, body: string): Promise<boolean> {
  return new Promise(resolve => {
    const headers = { 'content-length': Buffer.byteLength(body) }
    const sent = request(target.url + path, { method: target.method, agent, headers }, answer => {
      answer.resume().on('end', () => resolve(answer.statusCode === 200))
    })
    sent.on('error', () => resolve(false)).end(body)
  })
}
