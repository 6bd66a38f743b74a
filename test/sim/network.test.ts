import { expect, test } from 'vitest'
import type { CloseReason, Connection, ConnectionHandlers } from '../../src/net/types.ts'
import { newLife } from './clock.ts'
import { Network } from './network.ts'
import { Simulation } from './simulation.ts'
import { SimulatedSockets } from './sockets.ts'

const port = 4483

class World {
  readonly simulation: Simulation
  readonly network: Network
  readonly machines
  readonly lives
  readonly sockets

  constructor(seed = 1) {
    this.simulation = new Simulation(seed)
    this.network = new Network(this.simulation)
    this.network.weather.loss = 0
    this.machines = ['a', 'b', 'c'].map(name => this.network.addMachine(name))
    this.lives = this.machines.map(m => newLife(m.name))
    this.sockets = this.machines.map(
      (machine, i) => new SimulatedSockets(this.network, machine, this.lives[i]!),
    )
  }

  run(ms: number): Promise<void> {
    return this.simulation.run(this.simulation.now + ms)
  }

  /** A stream from machine 0 to machine 1, and what both ends heard. */
  async stream(): Promise<{ near: Connection; far: Connection; nearEnd: End; farEnd: End }> {
    const farEnd = new End()
    let far: Connection | undefined
    this.sockets[1]!.listen(
      { host: this.machines[1]!.ip, port },
      {
        listening() {},
        accepted(connection) {
          far = connection
          return farEnd
        },
        failed(error) {
          throw error
        },
      },
    )
    const nearEnd = new End()
    await this.run(1)
    const near = this.sockets[0]!.dial({ host: 'b', port }, nearEnd)
    await this.run(100)
    return { near, far: far!, nearEnd, farEnd }
  }
}

class End implements ConnectionHandlers {
  text = ''
  why: CloseReason | undefined
  opened(): void {}
  received(bytes: Uint8Array): void {
    this.text += Buffer.from(bytes).toString()
  }
  drained(): void {}
  closed(why: CloseReason): void {
    expect(this.why).toBeUndefined()
    this.why = why
  }
}

test('bytes that meet a partition arrive once it heals, in order', async () => {
  const world = new World()
  const { near, farEnd } = await world.stream()
  near.write(Buffer.from('1'))
  await world.run(100)
  world.network.block(world.machines[0]!, world.machines[1]!)
  near.write(Buffer.from('2'))
  await world.run(5_000)
  near.write(Buffer.from('3'))
  await world.run(5_000)
  expect(farEnd.text).toBe('1')
  world.network.heal()
  await world.run(6_000)
  expect(farEnd.text).toBe('123')
})

test('a partition that lasts ends the stream of whoever waits for an acknowledgement, and no other', async () => {
  const world = new World()
  const { near, nearEnd, farEnd } = await world.stream()
  world.network.partition([[world.machines[0]!], [world.machines[1]!, world.machines[2]!]])
  near.write(Buffer.from('x'))
  await world.run(60_000)
  expect([nearEnd.why, farEnd.why]).toEqual(['timeout', undefined])
})

test('when only answers are lost, bytes arrive but the stream ends all the same', async () => {
  const world = new World()
  const { near, nearEnd, farEnd } = await world.stream()
  world.network.block(world.machines[1]!, world.machines[0]!)
  near.write(Buffer.from('x'))
  await world.run(1_000)
  expect([farEnd.text, nearEnd.why]).toEqual(['x', undefined])
  await world.run(60_000)
  expect(nearEnd.why).toBe('timeout')
})

test('what cannot leave is counted as pending, and drains after the partition', async () => {
  const world = new World()
  const { near, farEnd } = await world.stream()
  world.network.block(world.machines[0]!, world.machines[1]!)
  for (let i = 0; i < 20; i++) near.write(new Uint8Array(100_000))
  await world.run(1_000)
  expect(near.pending()).toBeGreaterThan(1_000_000)
  world.network.heal()
  await world.run(10_000)
  expect(near.pending()).toBe(0)
  expect(farEnd.text.length).toBe(2_000_000)
})

test('kill -9 resets what the process had open', async () => {
  const world = new World()
  const { nearEnd, farEnd } = await world.stream()
  world.simulation.end(world.lives[1]!)
  world.sockets[1]!.vanish('reset')
  await world.run(1_000)
  expect([nearEnd.why, farEnd.why]).toEqual(['reset', undefined])
  const again = new End()
  world.sockets[0]!.dial({ host: 'b', port }, again)
  await world.run(1_000)
  expect(again.why).toBe('refused')
})

test('a machine without power is silent; when it is back, old streams are reset', async () => {
  const world = new World()
  const { near, nearEnd } = await world.stream()
  world.simulation.end(world.lives[1]!)
  world.sockets[1]!.vanish('silent')
  world.network.powerOff(world.machines[1]!)
  near.write(Buffer.from('x'))
  const dialled = new End()
  world.sockets[0]!.dial({ host: 'b', port }, dialled)
  await world.run(4_000)
  expect([nearEnd.why, dialled.why]).toEqual([undefined, undefined])
  world.network.powerOn(world.machines[1]!)
  await world.run(10_000)
  expect([nearEnd.why, dialled.why]).toEqual(['reset', 'refused'])
})

test('a dial into a partition times out; a name that nobody knows is unresolved', async () => {
  const world = new World()
  await world.stream()
  world.network.block(world.machines[1]!, world.machines[0]!)
  const [dialled, unknown, unresolvable] = [new End(), new End(), new End()]
  world.sockets[0]!.dial({ host: 'b', port }, dialled)
  world.sockets[0]!.dial({ host: 'nobody', port }, unknown)
  world.network.setResolvable('c', false)
  world.sockets[0]!.dial({ host: 'c', port }, unresolvable)
  await world.run(60_000)
  expect([dialled.why, unknown.why, unresolvable.why]).toEqual([
    'timeout',
    'unresolved',
    'unresolved',
  ])
})

test('datagrams are lost, doubled and overtaken as often as the weather says', async () => {
  const world = new World()
  Object.assign(world.network.weather, { loss: 0.3, duplicate: 0.1, reorder: 0.2, reorderBy: 50 })
  const got: number[] = []
  const handlers = { bound() {}, failed() {} }
  world.sockets[1]!.bindDatagram(
    { host: world.machines[1]!.ip, port },
    { ...handlers, received: (_from, bytes) => void got.push(Buffer.from(bytes).readUInt32BE()) },
  )
  const from = world.sockets[0]!.bindDatagram(
    { host: world.machines[0]!.ip, port: 0 },
    { ...handlers, received() {} },
  )
  const packet = Buffer.alloc(4)
  for (let i = 0; i < 5000; i++) {
    packet.writeUInt32BE(i)
    from.send({ host: 'b', port }, packet)
    await world.run(1)
  }
  await world.run(1_000)
  const distinct = new Set(got).size
  const overtaken = got.filter((n, i) => i > 0 && n < got[i - 1]!).length
  expect(distinct / 5000).toBeGreaterThan(0.7)
  expect(distinct / 5000).toBeLessThan(0.76)
  expect((got.length - distinct) / 5000).toBeGreaterThan(0.03)
  expect(overtaken).toBeGreaterThan(300)
})

test('a frozen process reads nothing, and its kernel keeps only so many datagrams', async () => {
  const world = new World()
  let got = 0
  world.sockets[1]!.bindDatagram(
    { host: world.machines[1]!.ip, port },
    { bound() {}, failed() {}, received: () => void got++ },
  )
  const from = world.sockets[0]!.bindDatagram(
    { host: world.machines[0]!.ip, port: 0 },
    { bound() {}, failed() {}, received() {} },
  )
  await world.run(1)
  world.simulation.freeze(world.lives[1]!)
  for (let i = 0; i < 1000; i++) from.send({ host: 'b', port }, Buffer.from('x'))
  await world.run(1_000)
  expect(got).toBe(0)
  world.simulation.thaw(world.lives[1]!)
  await world.run(1_000)
  expect(got).toBe(256)
})
