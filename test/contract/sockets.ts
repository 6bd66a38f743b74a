import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Address } from '../../src/base/address.ts'
import { OperatorError } from '../../src/base/errors.ts'
import type {
  CloseReason,
  Connection,
  ConnectionHandlers,
  DatagramSocket,
  Listener,
  Sockets,
} from '../../src/net/types.ts'

/** Two processes that can reach each other, and a way to let their world go on. */
export interface SocketWorld {
  readonly here: Sockets
  readonly there: Sockets
  /** Address on which `here` can bind and listen, and at which `there` reaches it. */
  readonly hereHost: string
  readonly thereHost: string
  /** Lets the world go on until `condition` holds; throws if it never does. */
  until(condition: () => boolean): Promise<void>
  /** Lets the world go on for a while, so that what must not happen gets its chance. */
  pass(): Promise<void>
  close(): void | Promise<void>
}

/** What every implementation of `Sockets` promises: the real one, and every simulated one. */
export function describeSockets(name: string, make: () => SocketWorld): void {
  describe(`${name} keeps the contract of Sockets`, () => {
    let world: SocketWorld
    const open: { close(): void }[] = []
    const connections: Connection[] = []

    beforeEach(() => {
      world = make()
    })
    afterEach(async () => {
      for (const connection of connections.splice(0)) connection.destroy()
      for (const socket of open.splice(0)) socket.close()
      await world.close()
    })

    /** One end of a stream that remembers what happened to it. */
    class Heard implements ConnectionHandlers {
      opens = 0
      drains = 0
      readonly parts: Buffer[] = []
      readonly reasons: CloseReason[] = []
      connection: Connection | undefined

      opened(): void {
        this.opens++
      }
      received(bytes: Uint8Array): void {
        this.parts.push(Buffer.from(bytes))
      }
      drained(): void {
        this.drains++
      }
      closed(why: CloseReason): void {
        this.reasons.push(why)
      }
      get text(): string {
        return Buffer.concat(this.parts).toString('latin1')
      }
    }

    async function listen(
      port = 0,
    ): Promise<{ at: Address; accepted: Heard[]; listener: Listener }> {
      let at: Address | undefined
      const accepted: Heard[] = []
      const listener = world.there.listen(
        { host: world.thereHost, port },
        {
          listening: bound => {
            at = bound
          },
          accepted: connection => {
            const heard = new Heard()
            heard.connection = connection
            accepted.push(heard)
            connections.push(connection)
            return heard
          },
          failed: error => {
            throw error
          },
        },
      )
      open.push(listener)
      await world.until(() => at !== undefined)
      return { at: at!, accepted, listener }
    }

    function dial(to: Address): Heard {
      const heard = new Heard()
      heard.connection = world.here.dial(to, heard)
      connections.push(heard.connection)
      return heard
    }

    async function pair(): Promise<{ near: Heard; far: Heard; listener: Listener }> {
      const { at, accepted, listener } = await listen()
      const near = dial(at)
      await world.until(() => near.opens > 0 && accepted.length > 0)
      return { near, far: accepted[0]!, listener }
    }

    async function bind(
      sockets: Sockets,
      host: string,
    ): Promise<{ at: Address; got: { from: Address; text: string }[]; socket: DatagramSocket }> {
      let at: Address | undefined
      const got: { from: Address; text: string }[] = []
      const socket = sockets.bindDatagram(
        { host, port: 0 },
        {
          bound: bound => {
            at = bound
          },
          received: (from, bytes) =>
            got.push({ from, text: Buffer.from(bytes).toString('latin1') }),
          failed: error => {
            throw error
          },
        },
      )
      open.push(socket)
      await world.until(() => at !== undefined)
      return { at: at!, got, socket }
    }

    test('a listener on port 0 says which port it got', async () => {
      const { at } = await listen()
      expect(at.host).toBe(world.thereHost)
      expect(at.port).toBeGreaterThan(0)
    })

    test('both ends of a stream open once, and know the other end', async () => {
      const { near, far } = await pair()
      await world.until(() => far.opens > 0)
      await world.pass()
      expect([near.opens, far.opens]).toEqual([1, 1])
      expect(near.connection!.remote.host).toBe(world.thereHost)
      expect(far.connection!.remote.host).toBe(world.hereHost)
    })

    test('nothing is heard during the call that causes it', async () => {
      const { at } = await listen()
      let inCall = true
      const heard: string[] = []
      const note = (what: string) => heard.push(inCall ? `${what} at once` : what)
      const connection = world.here.dial(at, {
        opened: () => note('opened'),
        received: () => note('received'),
        drained: () => note('drained'),
        closed: () => note('closed'),
      })
      connections.push(connection)
      inCall = false
      await world.until(() => heard.includes('opened'))
      inCall = true
      connection.write(Buffer.from('x'))
      connection.destroy()
      inCall = false
      await world.until(() => heard.includes('closed'))
      expect(heard.filter(what => what.endsWith('at once'))).toEqual([])
    })

    test('sockets and listeners that open, or cannot, say so after the call', async () => {
      const heard: string[] = []
      const ports: number[] = []
      let inCall = false
      const note = (what: string) => void heard.push(inCall ? `${what} at once` : what)
      const opened = (what: string) => (at: Address) => {
        note(what)
        ports.push(at.port)
      }
      const failed = () => note('failed')
      const begin = (udp: number, tcp: number) => {
        inCall = true
        const host = world.hereHost
        const datagrams = { bound: opened('bound'), received() {}, failed }
        const streams = { listening: opened('listening'), accepted: () => new Heard(), failed }
        open.push(world.here.bindDatagram({ host, port: udp }, datagrams))
        open.push(world.here.listen({ host, port: tcp }, streams))
        inCall = false
      }
      begin(0, 0)
      await world.until(() => heard.length === 2)
      const [bound, listening] = heard[0] === 'bound' ? ports : [...ports].reverse()
      begin(bound!, listening!)
      await world.until(() => heard.length === 4)
      expect(heard.sort()).toEqual(['bound', 'failed', 'failed', 'listening'])
    })

    test('a datagram socket that is closed at once is never heard of', async () => {
      const heard: string[] = []
      const note = (what: string) => void heard.push(what)
      world.here
        .bindDatagram(
          { host: world.hereHost, port: 0 },
          { bound: () => note('bound'), received() {}, failed: () => note('failed') },
        )
        .close()
      await world.pass()
      expect(heard).toEqual([])
    })

    test('bytes arrive whole and in order, in both directions', async () => {
      const { near, far } = await pair()
      let sent = ''
      for (let i = 0; i < 500; i++) {
        sent += `${i},`
        near.connection!.write(Buffer.from(`${i},`))
      }
      far.connection!.write(Buffer.from('answer'))
      await world.until(() => far.text.length === sent.length && near.text.length === 6)
      expect(far.text).toBe(sent)
      expect(near.text).toBe('answer')
    })

    test('what is written before the stream opens is not lost', async () => {
      const { at, accepted } = await listen()
      const near = dial(at)
      near.connection!.write(Buffer.from('early'))
      await world.until(() => accepted[0]?.text === 'early')
      expect(near.reasons).toEqual([])
    })

    test('drained says when everything has left, and nothing is pending then', async () => {
      const { near, far } = await pair()
      const size = 300_000
      near.connection!.write(new Uint8Array(size))
      expect(near.connection!.pending()).toBeLessThanOrEqual(size)
      await world.until(() => near.drains > 0 && far.text.length === size)
      expect(near.connection!.pending()).toBe(0)
    })

    test('end lets everything written arrive, then both ends close', async () => {
      const { near, far } = await pair()
      near.connection!.write(new Uint8Array(200_000))
      near.connection!.end()
      near.connection!.write(Buffer.from('too late'))
      await world.until(() => near.reasons.length > 0 && far.reasons.length > 0)
      await world.pass()
      expect(far.text.length).toBe(200_000)
      expect([near.reasons, far.reasons]).toEqual([['closed'], ['closed']])
    })

    test('destroy closes both ends, each once, and is harmless when repeated', async () => {
      const { near, far } = await pair()
      near.connection!.destroy()
      near.connection!.destroy()
      near.connection!.write(Buffer.from('too late'))
      near.connection!.end()
      await world.until(() => near.reasons.length > 0 && far.reasons.length > 0)
      await world.pass()
      expect(near.reasons).toEqual(['closed'])
      expect(far.reasons.length).toBe(1)
      expect(far.text).toBe('')
    })

    test('a dial to a port without a listener is refused', async () => {
      const { at, listener } = await listen()
      listener.close()
      await world.pass()
      const near = dial(at)
      await world.until(() => near.reasons.length > 0)
      expect(near.reasons).toEqual(['refused'])
      expect(near.opens).toBe(0)
    })

    test('a dial that is destroyed never opens', async () => {
      const { at } = await listen()
      const near = dial(at)
      near.connection!.destroy()
      await world.until(() => near.reasons.length > 0)
      await world.pass()
      expect(near.reasons).toEqual(['closed'])
      expect(near.opens).toBe(0)
    })

    test('a second listener on the same port fails with PORT_IN_USE', async () => {
      const { at } = await listen()
      let error: Error | undefined
      const second = world.there.listen(at, {
        listening: () => {},
        accepted: () => new Heard(),
        failed: failure => {
          error = failure
        },
      })
      open.push(second)
      await world.until(() => error !== undefined)
      expect(error).toBeInstanceOf(OperatorError)
      expect((error as OperatorError).code).toBe('PORT_IN_USE')
      expect(error!.message).toContain(String(at.port))
    })

    test('a listener that is closed leaves its connections alone', async () => {
      const { near, far, listener } = await pair()
      listener.close()
      near.connection!.write(Buffer.from('still here'))
      await world.until(() => far.text === 'still here')
      expect(near.reasons).toEqual([])
    })

    test('a datagram arrives with the address of its sender, who can be answered', async () => {
      const a = await bind(world.here, world.hereHost)
      const b = await bind(world.there, world.thereHost)
      a.socket.send(b.at, Buffer.from('ping'))
      await world.until(() => b.got.length > 0)
      expect(b.got[0]).toEqual({ from: { host: world.hereHost, port: a.at.port }, text: 'ping' })
      b.socket.send(b.got[0]!.from, Buffer.from('pong'))
      await world.until(() => a.got.length > 0)
      expect(a.got[0]!.text).toBe('pong')
    })

    test('a datagram to nobody, to a bad port or after close harms nobody', async () => {
      const a = await bind(world.here, world.hereHost)
      const b = await bind(world.there, world.thereHost)
      b.socket.close()
      a.socket.send(b.at, Buffer.from('anybody?'))
      a.socket.send({ host: world.thereHost, port: 0 }, Buffer.from('anybody?'))
      await world.pass()
      a.socket.close()
      a.socket.close()
      a.socket.send(b.at, Buffer.from('anybody?'))
      await world.pass()
      expect([a.got, b.got]).toEqual([[], []])
    })

    test('a second datagram socket on the same port fails with PORT_IN_USE', async () => {
      const { at } = await bind(world.here, world.hereHost)
      let error: Error | undefined
      const second = world.here.bindDatagram(at, {
        bound: () => {},
        received: () => {},
        failed: failure => {
          error = failure
        },
      })
      open.push(second)
      await world.until(() => error !== undefined)
      expect((error as OperatorError).code).toBe('PORT_IN_USE')
    })
  })
}
