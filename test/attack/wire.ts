import { randomBytes } from 'node:crypto'
import net from 'node:net'
import tls from 'node:tls'

/**
 * hive's streams as somebody speaks them who read docs/security.md and src/net's README and has none of hive's code: TLS with
 * whatever papers are at hand, frames of `u32 length | u8 kind | payload`, and JSON behind the word HIVE.
 */

export const kind = {
  ...{ handshake: 1, verdict: 2, raft: 3, swim: 4, request: 5, response: 6, notice: 7 },
  ...{ ping: 8, pong: 9, goodbye: 10 },
} as const

export interface Frame {
  readonly kind: number
  readonly payload: Buffer
}

export interface Way {
  /** Absent: no TLS at all. */
  readonly tls?: {
    readonly name?: string
    readonly speaks?: readonly string[]
    readonly papers?: { readonly cert: string; readonly key: string }
    readonly most?: 'TLSv1.2' | 'TLSv1.3'
  }
  /** Another address of loopback, so that one's failures are not another's. */
  readonly from?: string
}

/** How long an end may take to hang up on a stranger, ms: its own limits are half of that. */
const patience = 20_000

export class Wire {
  /** All that the other end said, in frames. */
  readonly heard: Frame[] = []
  readonly #socket: net.Socket
  readonly #waiting = new Set<() => void>()
  #bytes = Buffer.alloc(0)
  #end: string | undefined

  private constructor(socket: net.Socket) {
    this.#socket = socket
    socket.on('data', bytes => this.#take(bytes))
    socket.on('error', error => this.#over((error as NodeJS.ErrnoException).code ?? error.message))
    socket.on('close', () => this.#over('closed'))
  }

  /** Resolves once the connection stands, as far as this end can tell, or is refused: see `end`. */
  static open(port: number, { tls: secure, from }: Way): Promise<Wire> {
    const to = { host: '127.0.0.1', port, ...(from && { localAddress: from }) }
    const socket: net.Socket = secure
      ? tls.connect({
          ...to,
          rejectUnauthorized: false,
          minVersion: 'TLSv1.2',
          maxVersion: secure.most ?? 'TLSv1.3',
          ...(secure.name !== undefined && { servername: secure.name }),
          ...(secure.speaks && { ALPNProtocols: [...secure.speaks] }),
          ...secure.papers,
        })
      : net.connect(to)
    const wire = new Wire(socket)
    return new Promise(resolve => {
      const done = (): void => resolve(wire)
      socket.once(secure ? 'secureConnect' : 'connect', done).once('close', done)
    })
  }

  /** Why it is over; undefined: it is not. */
  get end(): string | undefined {
    return this.#end
  }

  get localPort(): number {
    return this.#socket.localPort ?? 0
  }

  raw(bytes: Uint8Array): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes)
  }

  say(kind: number, payload: Uint8Array): void {
    this.raw(framed(kind, payload))
  }

  ask(id: number, method: string, body: unknown): void {
    this.say(kind.request, request(id, method, body))
  }

  /** Waits for it; throws when the connection ends before, or nothing comes. */
  async until<T>(what: string, look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      if (this.#end !== undefined) throw new Error(`${this.#end} before ${what}`)
      await this.#more(what)
    }
  }

  /** Until the other end hangs up. */
  async ended(after = ''): Promise<string> {
    while (this.#end === undefined) await this.#more(`the other end hangs up ${after}`)
    return this.#end
  }

  /** What a frame of this kind says as JSON behind its first bytes. */
  verdict(): Promise<Verdict> {
    return this.until('a verdict', () => {
      const frame = this.heard.find(f => f.kind === kind.verdict)
      return frame && (JSON.parse(frame.payload.subarray(5).toString()) as Verdict)
    })
  }

  answer(id: number): Promise<Answer> {
    return this.until(`an answer to ${id}`, () => this.answers().find(a => a.id === id))
  }

  answers(): Answer[] {
    return this.heard
      .filter(f => f.kind === kind.response)
      .map(({ payload }) => {
        const length = payload.readUInt32BE(5)
        const json = payload.subarray(9, 9 + length).toString()
        const body = (json === '' ? {} : JSON.parse(json)) as Record<string, unknown>
        return { id: payload.readUInt32BE(0), ok: payload[4] === 1, body }
      })
  }

  hangUp(): void {
    this.#socket.destroy()
  }

  #more(what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`not within ${patience} ms: ${what}`)),
        patience,
      )
      const wake = (): void => {
        clearTimeout(late)
        this.#waiting.delete(wake)
        resolve()
      }
      this.#waiting.add(wake)
    })
  }

  #take(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    while (this.#bytes.length >= 5) {
      const size = this.#bytes.readUInt32BE(0) + 4
      if (this.#bytes.length < size) break
      this.heard.push({ kind: this.#bytes[4]!, payload: this.#bytes.subarray(5, size) })
      this.#bytes = this.#bytes.subarray(size)
    }
    for (const wake of [...this.#waiting]) wake()
  }

  #over(why: string): void {
    this.#end ??= why
    for (const wake of [...this.#waiting]) wake()
  }
}

export interface Verdict {
  readonly outcome: string
  readonly code?: string
  readonly reason?: string
}

export interface Answer {
  readonly id: number
  readonly ok: boolean
  readonly body: Readonly<Record<string, unknown>>
}

export function framed(kind: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(payload.length + 1)
  head[4] = kind
  return Buffer.concat([head, payload])
}

/** What either end says first. */
export function greeting(hello: Readonly<Record<string, unknown>>): Buffer {
  const said = {
    session: randomBytes(8).toString('hex'),
    hello: {
      ...{ protocolMin: 1, protocolMax: 1, version: '0.1.0', name: 'mallory', dc: 'dc1' },
      ...{ address: { host: '127.0.0.1', port: 9 }, incarnation: 1, roles: [], busy: false },
      proof: { clock: String(Date.now()) },
      ...hello,
    },
  }
  return hived(said)
}

export function hived(json: unknown): Buffer {
  return Buffer.concat([Buffer.from('HIVE\u0001'), Buffer.from(JSON.stringify(json))])
}

export const welcome = hived({ outcome: 'welcome' })

export function request(id: number, method: string, body: unknown): Buffer {
  const [name, json] = [Buffer.from(method), Buffer.from(JSON.stringify(body))]
  const head = Buffer.alloc(10)
  head.writeUInt32BE(id)
  head.writeUInt16BE(name.length, 4)
  head.writeUInt32BE(json.length, 6)
  return Buffer.concat([head.subarray(0, 6), name, head.subarray(6), json])
}

/** An id as nodes have them (version 7), or as those have them who prove nothing (8). */
export function someId(version: 7 | 8): string {
  const hex = randomBytes(16).toString('hex')
  const [a, b, c, d, e] = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(13, 16),
    hex.slice(17, 20),
    hex.slice(20),
  ]
  return `${a}-${b}-${version}${c}-8${d}-${e}`
}

/** Raft's `u8 type | u64 term | u64 last index | u64 last term | u8 transfer`: whoever hears it has to give way. */
export function vote(term: number): Buffer {
  const out = Buffer.alloc(26)
  out[0] = 3
  out.writeBigUInt64BE(BigInt(term), 1)
  out.writeBigUInt64BE(BigInt(2 ** 40), 9)
  out.writeBigUInt64BE(BigInt(term - 1), 17)
  out[25] = 1
  return out
}

/** The first bytes of a TLS client that goes this way. */
export async function clientHello(way: NonNullable<Way['tls']>): Promise<Buffer> {
  const server = net.createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  const came = new Promise<Buffer>(resolve =>
    server.once('connection', socket =>
      socket
        .on('error', () => {})
        .once('data', bytes => {
          socket.destroy()
          resolve(bytes)
        }),
    ),
  )
  const wire = await Wire.open(port, { tls: way })
  wire.hangUp()
  server.close()
  return came
}

export function notice(what: string, body: unknown): Buffer {
  // A request without its id.
  return Buffer.concat([request(0, what, body).subarray(4)])
}
