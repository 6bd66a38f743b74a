import { describe, expect, test } from 'vitest'
import type { Backend } from '../../src/api/types.ts'
import { OperatorError } from '../../src/base/errors.ts'
import { Collector } from '../../src/snapshot/inspect.ts'
import type { State } from '../../src/state/state.ts'
import type { CallResult } from './caller.ts'
import type { SimulatedNode } from './cluster.ts'
import { World } from './world.ts'

/** Snapshots, made and brought back, and disks that fail, under a seed. */

async function taken(backend: Backend, stale = false): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = []
  for await (const piece of (await backend.snapshot({ stale })).pieces) pieces.push(piece)
  return pieces
}

async function* each(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield piece
}

function restored(world: World, node: string, pieces: readonly Uint8Array[], name = 'prod') {
  const request = { bytes: each(pieces), name, fromAnother: false, actor: 'test' }
  return world.ask(node, backend => backend.restoreSnapshot(request))
}

function opened(pieces: readonly Uint8Array[]) {
  const collector = new Collector()
  for (const piece of pieces) collector.add(piece)
  return collector.end()
}

/** All of it: agents here are whole. */
function stateOf(node: SimulatedNode): State | undefined {
  return node.process?.agent.state as State | undefined
}

function leaderOf(world: World): string | undefined {
  return world.cluster.running().find(node => node.process!.agent.raftStatus()?.rank === 'leader')
    ?.name
}

test('a snapshot taken on any node comes back through any other, all at once', async () => {
  const world = new World(3)
  await world.cluster3(['n4'])
  for (let i = 0; i < 20; i++) await world.put('n1', `k${i}`, `old ${i}`)
  // n4 carries no log.
  const pieces = await world.ask('n4', backend => taken(backend))
  const { inspection } = opened(pieces)
  expect(inspection).toMatchObject({ keys: 20, nodes: ['n1', 'n2', 'n3', 'n4'] })
  for (let i = 10; i < 30; i++) await world.put('n2', `k${i}`, `new ${i}`)
  expect(await restored(world, 'n4', pieces)).toMatchObject({
    ...{ keys: 20, added: 0, changed: 10, removed: 10, epoch: 2 },
  })
  expect(await world.get('n3', 'k15')).toBe('old 15')
  expect(await world.get('n1', 'k25')).toBeNull()
  // The epoch rose, and nobody has to begin anew for it.
  await world.run(5_000)
  await world.states('n4', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
  expect((await world.status('n4')).cluster.epoch).toBe(2)
})

test('one that is cut off changes nothing, and leaves nothing behind', async () => {
  const world = new World(4)
  await world.cluster3()
  await world.put('n1', 'a', '1')
  const pieces = await world.ask('n2', backend => taken(backend))
  await world.put('n1', 'a', '2')
  await expect(restored(world, 'n1', pieces.slice(0, -1))).rejects.toMatchObject({
    code: 'BAD_SNAPSHOT',
  })
  await expect(restored(world, 'n1', pieces, 'other')).rejects.toBeInstanceOf(OperatorError)
  expect(await world.get('n1', 'a')).toBe('2')
  await world.until('what was staged is dropped', () =>
    world.cluster.running().every(n => stateOf(n)?.restore === undefined),
  )
})

describe('a restore while clocks jump', () => {
  /** n4 brings a part of it; the rest waits for the word. */
  async function begun(seed: number, skew: number) {
    const world = new World(seed)
    await world.cluster3(['n4'])
    await world.put('n1', 'a', '1')
    const pieces = await world.ask('n4', backend => taken(backend))
    await world.put('n1', 'a', '2')
    const leader = leaderOf(world)!
    world.node(leader).watch.skew = skew
    let goOn = () => {}
    const told = new Promise<void>(resolve => {
      goOn = resolve
    })
    async function* slowly() {
      const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
      yield bytes.subarray(0, bytes.length - 8)
      await told
      yield bytes.subarray(bytes.length - 8)
    }
    let ended: CallResult<unknown> | undefined
    world.caller.call(
      world.node('n4'),
      'restore',
      b => b.restoreSnapshot({ bytes: slowly(), name: 'prod', fromAnother: false, actor: 'test' }),
      result => {
        ended = result
      },
    )
    await world.until('it is under way', () => stateOf(world.node(leader))?.restore !== undefined)
    return { world, pieces, leader, goOn, result: () => ended }
  }

  test('goes on, for the one who brings it is there', async () => {
    const { world, leader, goOn, result } = await begun(41, 0)
    for (const skew of [3_600_000, -7_200_000]) {
      world.node(leader).watch.skew = skew
      await world.run(5_000)
    }
    goOn()
    await world.until('it is over', () => result() !== undefined)
    expect(result()).toMatchObject({ how: 'answered' })
    expect(await world.get('n1', 'a')).toBe('1')
  })

  test('is dropped when nobody goes on with it, though a leader of another time had it begun', async () => {
    const { world, pieces, leader } = await begun(42, 5 * 3_600_000)
    world.kill('n4', leader)
    await world.run(150_000)
    const other = ['n1', 'n2'].find(n => n !== leader)!
    expect(await restored(world, other, pieces)).toMatchObject({ keys: 1 })
  })
})

test('a control node without a quorum still gives what it knows, if asked for just that', async () => {
  const world = new World(5)
  await world.cluster3()
  await world.put('n1', 'a', '1')
  await world.run(2_000)
  world.kill('n1', 'n2')
  await expect(world.ask('n3', backend => taken(backend))).rejects.toBeInstanceOf(OperatorError)
  const { state } = opened(await world.ask('n3', backend => taken(backend, true)))
  expect(state.kvGet('a')).toBeDefined()
})

test('every control node keeps verified snapshots, so many, and makes none when nothing happened', async () => {
  const world = new World(6)
  world.cluster.snapshotEvery = 60_000
  await world.cluster3(['n4'])
  for (let i = 0; i < 8; i++) {
    await world.put('n1', 'a', `${i}`)
    await world.run(60_000)
  }
  for (const name of ['n1', 'n2', 'n3']) {
    const { backups } = world.node(name).disk
    expect(backups.size).toBe(3)
    const list = await world.ask(name, backend => backend.snapshots())
    expect(list).toMatchObject({ node: name, keep: 3, failure: null })
    expect(list.snapshots.map(s => s.name)).toEqual([...backups.keys()].sort())
    expect(opened([[...backups.values()].at(-1)!].flat()).state.kvGet('a')).toBeDefined()
  }
  expect(world.node('n4').disk.backups.size).toBe(0)
  await world.run(60_000)
  const before = [...world.node('n1').disk.backups.keys()]
  await world.run(600_000)
  expect([...world.node('n1').disk.backups.keys()]).toEqual(before)
})

test('a scheduled snapshot that rots on the disk is found, told, and made again', async () => {
  const world = new World(7)
  world.cluster.snapshotEvery = 60_000
  await world.cluster3()
  await world.put('n1', 'a', 'a value')
  const { backups } = world.node('n2').disk
  const keep = backups.set.bind(backups)
  backups.set = (name, bytes) => keep(name, bytes.with(300, bytes[300]! ^ 1))
  await world.sees('n2', 'the failure', report =>
    report.notices.some(n => n.includes('the last scheduled snapshot failed')),
  )
  expect(backups.size).toBe(0)
  backups.set = keep
  await world.until('there is a good one', () => backups.size === 1, 600_000)
  await world.sees('n2', 'no failure', report => report.notices.every(n => !n.includes('snapshot')))
})

test('a large scheduled snapshot is refused as well, whichever of its bytes rots', async () => {
  const world = new World(7)
  world.cluster.snapshotEvery = 60_000
  await world.cluster3()
  // So large that what rots is read before the sum that says so.
  const value = new Uint8Array(400_000)
  for (let i = 0; i < 6; i++)
    await world.ask('n1', b => b.kvPut({ key: `k${i}`, value, flags: 0, actor: 'test' }))
  const { backups } = world.node('n2').disk
  const keep = backups.set.bind(backups)
  let at = 400
  let made = 0
  backups.set = (name, bytes) => {
    made += 1
    return keep(name, bytes.with(at, bytes[at]! ^ 1))
  }
  for (; at < 700; at += 13) await world.run(60_000)
  expect(made).toBeGreaterThan(20)
  expect(backups.size).toBe(0)
  expect(world.node('n2').process).toBeDefined()
})

test('what an earlier cluster of the same name has left does not push newer snapshots out', async () => {
  const world = new World(9)
  world.cluster.snapshotEvery = 60_000
  const old = [1, 2, 3].map(day => `prod-00000090000${day}-2025010${day}T000000Z.snapshot`)
  await world.cluster3()
  const n2 = world.node('n2')
  for (const name of old) n2.disk.backups.set(name, new Uint8Array(1))
  await world.put('n1', 'a', '1')
  await world.run(90_000)
  await world.put('n1', 'a', '2')
  await world.run(60_000)
  const names = [...n2.disk.backups.keys()].sort()
  expect(names).toHaveLength(3)
  expect(names).toContain(old[2])
  expect(names.filter(name => !old.includes(name))).toHaveLength(2)
})

test('a disk that fails while nobody waits for a write costs leadership and vote at once', async () => {
  const world = new World(8)
  await world.cluster3()
  await world.run(5_000)
  await world.put('n1', 'a', '1')
  const first = leaderOf(world)!
  // The write is agreed; only the lazy save of the state is still to come, and it fails.
  world.node(first).disk.failing = { kind: 'io', message: 'gone' }
  await world.until(
    'another leads',
    () => {
      const now = leaderOf(world)
      return now !== undefined && now !== first
    },
    5_000,
  )
  const { term } = world.node(first).process!.agent.raftStatus()!
  // Nor does it stand for election, or vote: one more failure is one too many.
  world.kill(leaderOf(world)!)
  await world.run(10_000)
  expect(leaderOf(world)).toBeUndefined()
  expect(world.node(first).process!.agent.raftStatus()!.rank).toBe('follower')
  expect(world.node(first).process!.agent.raftStatus()!.term).toBeGreaterThanOrEqual(term)
})

test('a node that was away while the log was cut comes back by a snapshot', async () => {
  const world = new World(9)
  await world.cluster3()
  for (const node of world.cluster.nodes)
    node.disk.compaction = { entries: 40, bytes: 1 << 20, margin: 10, patience: 2 }
  world.kill('n3')
  for (let i = 0; i < 120; i++) await world.put('n1', `k${i % 7}`, `${i}`)
  await world.run(3_000)
  world.start('n3')
  await world.until(
    'n3 has caught up',
    () =>
      stateOf(world.node('n3'))?.kvGet('k0') !== undefined &&
      world.node('n3').process!.agent.state!.applied >=
        world.node('n1').process!.agent.state!.applied,
  )
  expect(world.node('n3').disk.group!.base.index).toBeGreaterThan(60)
  expect(world.node('n3').process!.agent.state!.fingerprint()).toBe(
    world.node('n1').process!.agent.state!.fingerprint(),
  )
})
