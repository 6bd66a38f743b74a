import { describe, expect, test } from 'vitest'
import { OperatorError } from '../../src/base/errors.ts'
import { realSockets } from '../../src/net/real-sockets.ts'
import type { CloseReason } from '../../src/net/types.ts'
import { describeSockets } from '../contract/sockets.ts'
import { FakeNetwork } from './fake-network.ts'
import { ManualClock } from './manual-clock.ts'

function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it never happened')
    await turn()
  }
}

describeSockets('the operating system', () => ({
  here: realSockets(),
  there: realSockets(),
  hereHost: '127.0.0.1',
  thereHost: '127.0.0.1',
  until,
  pass: async () => {
    for (let i = 0; i < 50; i++) await turn()
  },
  close: () => {},
}))

describeSockets("the links tests' own network", () => {
  const clock = new ManualClock()
  const network = new FakeNetwork(clock)
  return {
    here: network.sockets('10.0.0.1'),
    there: network.sockets('10.0.0.2'),
    hereHost: '10.0.0.1',
    thereHost: '10.0.0.2',
    until: async condition => {
      for (let i = 0; i < 1000 && !condition(); i++) clock.advance(1)
      if (!condition()) throw new Error('it never happened')
    },
    pass: async () => clock.advance(100),
    close: () => {},
  }
})

describe('the operating system, beyond the contract', () => {
  const sockets = realSockets()
  const deaf = { opened() {}, received() {}, drained() {} }

  test('a name that does not exist is unresolved', async () => {
    let why: CloseReason | undefined
    sockets.dial(
      { host: 'no-such-host.invalid', port: 9 },
      { ...deaf, closed: r => void (why = r) },
    )
    await until(() => why !== undefined)
    expect(why).toBe('unresolved')
  })

  test('an address that is not of this machine cannot be bound, and the operator reads why', async () => {
    const errors: Error[] = []
    const at = { host: '192.0.2.1', port: 0 }
    const failed = (error: Error) => void errors.push(error)
    sockets.listen(at, { listening() {}, accepted: () => ({ ...deaf, closed() {} }), failed })
    sockets.bindDatagram(at, { bound() {}, received() {}, failed })
    await until(() => errors.length === 2)
    for (const error of errors) {
      expect(error).toBeInstanceOf(OperatorError)
      expect((error as OperatorError).code).toBe('BAD_CONFIG')
      expect(error.message).toContain('192.0.2.1')
    }
  })

  test('a connection that is reset says so', async () => {
    const reasons: CloseReason[] = []
    let port = 0
    const listener = sockets.listen(
      { host: '127.0.0.1', port: 0 },
      {
        listening: at => void (port = at.port),
        // Bytes that nobody has read make the kernel answer a close with a reset.
        accepted: connection => ({
          ...deaf,
          opened: () => setImmediate(() => connection.destroy()),
          closed() {},
        }),
        failed() {},
      },
    )
    await until(() => port > 0)
    const connection = sockets.dial(
      { host: '127.0.0.1', port },
      { ...deaf, closed: why => void reasons.push(why) },
    )
    for (let i = 0; i < 64; i++) connection.write(new Uint8Array(200_000))
    expect(connection.pending()).toBeGreaterThan(0)
    await until(() => reasons.length > 0)
    listener.close()
    expect(reasons).toEqual(['reset'])
  })

  test('datagrams to a name reach it, and resolve it once', async () => {
    const got: string[] = []
    let to = 0
    let ready = false
    const receiver = sockets.bindDatagram(
      { host: '127.0.0.1', port: 0 },
      {
        bound: at => void (to = at.port),
        received: (_, bytes) => void got.push(Buffer.from(bytes).toString()),
        failed() {},
      },
    )
    const sender = sockets.bindDatagram(
      { host: '127.0.0.1', port: 0 },
      { bound: () => void (ready = true), received() {}, failed() {} },
    )
    await until(() => ready && to > 0)
    sender.send({ host: 'localhost', port: to }, Buffer.from('first'))
    sender.send({ host: 'localhost', port: to }, Buffer.from('second'))
    await until(() => got.length === 2)
    expect(got).toEqual(['first', 'second'])
    receiver.close()
    sender.close()
  })
})
