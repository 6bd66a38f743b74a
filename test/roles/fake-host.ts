import type { Clock, Timer } from '../../src/base/time.ts'
import type { Host } from '../../src/roles/role.ts'

/** Time that stands still until a test lets it pass. */
export class FakeClock implements Clock {
  #now = 0
  #serial = 0
  #timers: { at: number; serial: number; task: () => void }[] = []

  now = () => this.#now
  wall = () => 1_700_000_000_000 + this.#now

  after(delay: number, task: () => void): Timer {
    const timer = { at: this.#now + delay, serial: this.#serial++, task }
    this.#timers.push(timer)
    return { cancel: () => void (this.#timers = this.#timers.filter(one => one !== timer)) }
  }

  soon(task: () => void): void {
    this.after(0, task)
  }

  get pending(): number {
    return this.#timers.length
  }

  /** Lets `ms` pass, timer by timer, and every promise settle in between. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    await settle()
    for (;;) {
      this.#timers.sort((a, b) => a.at - b.at || a.serial - b.serial)
      const next = this.#timers[0]
      if (next === undefined || next.at > end) break
      this.#timers.shift()
      this.#now = next.at
      next.task()
      await settle()
    }
    this.#now = end
  }
}

/** Until no promise has anything left to do. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise(resolve => setImmediate(resolve))
}

/** Hands without a machine: files, ports and URLs are what the test says they are. */
export class FakeHost implements Host {
  readonly clock = new FakeClock()
  readonly files = new Map<string, string>()
  readonly folders = new Map<string, readonly string[]>()
  readonly memory = new Map<string, unknown>()
  /** `host:port` that answer. */
  readonly ports = new Set<string>()
  readonly urls = new Map<string, { status: number; body: string }>()
  readonly said: string[] = []
  lastHealth: [string, string] | undefined
  unreadable: Error | undefined
  /** The disk takes no more. */
  full = false

  now(): number {
    return this.clock.now()
  }

  wall(): number {
    return this.clock.wall()
  }

  every(period: number, task: () => Promise<void>) {
    let cancelled = false
    let timer: Timer
    const round = async () => {
      await task()
      if (!cancelled) timer = this.clock.after(period, round)
    }
    timer = this.clock.after(period, round)
    return {
      cancel() {
        cancelled = true
        timer.cancel()
      },
    }
  }

  async remember(key: string, value: unknown): Promise<void> {
    if (this.full) throw new Error('no space left on device')
    if (value === undefined) this.memory.delete(key)
    else this.memory.set(key, structuredClone(value))
  }

  recall(key: string): unknown {
    return this.memory.get(key)
  }

  async readFile(path: string): Promise<string | undefined> {
    if (this.unreadable) throw this.unreadable
    return this.files.get(path)
  }

  async listFiles(path: string): Promise<readonly string[] | undefined> {
    return this.folders.get(path)
  }

  async connectTcp(host: string, port: number): Promise<void> {
    if (!this.ports.has(`${host}:${port}`)) throw new Error('connection refused')
  }

  async requestHttp(url: string): Promise<{ status: number; body: string }> {
    const answer = this.urls.get(url)
    if (answer === undefined) throw new Error('connection refused')
    return answer
  }

  health(state: string, detail: string): void {
    this.lastHealth = [state, detail]
  }

  trace(text: string): void {
    this.said.push(text)
  }
}
