/** The driver of raft: what it owes to those who propose and read, and to the followers. */
import { describe, expect, test } from 'vitest'
import { ControlPlane, type Draft } from '../../src/agent/control/control-plane.ts'
import { silentTrace } from '../../src/base/trace.ts'
import { newGroup } from '../../src/raft/raft.ts'
import type { Entry, Message } from '../../src/raft/types.ts'
import type { Outcome } from '../../src/state/types.ts'
import type { GroupStore, SnapshotSource } from '../../src/store/types.ts'
import { newLife, SimulatedClock } from '../sim/clock.ts'
import { Disk, SimulatedStorage } from '../sim/disk.ts'
import { Simulation } from '../sim/simulation.ts'

/** One plane on a simulated disk, among others that the test plays. */
class Driven {
  readonly simulation = new Simulation(1)
  readonly plane: ControlPlane
  readonly store: GroupStore
  readonly snapshotsAsked: string[] = []
  /** Answers each append at once, as these peers. */
  answering: readonly string[] = []
  sent: Message[] = []

  constructor(voters: readonly string[]) {
    const life = newLife('a')
    const clock = new SimulatedClock(this.simulation, life)
    const storage = new SimulatedStorage(new Disk(this.simulation, 'a'), life)
    const { snapshot, hardState } = newGroup(voters)
    storage.createGroup(snapshot, hardState, [])
    const { loaded, store } = storage.openGroup(() => {})
    this.store = store
    this.plane = new ControlPlane({
      self: 'a',
      clock,
      random: this.simulation.dice('plane'),
      trace: silentTrace,
      store,
      loaded,
      send: message => this.#sent(message),
      sendSnapshot: peer => this.snapshotsAsked.push(peer),
      applied() {},
      ranked() {},
      failed() {},
    })
  }

  #sent(message: Message): void {
    this.sent.push(message)
    const { to: from } = message
    if (!this.answering.includes(from)) return
    if (message.type === 'append') this.step({ ...ack, from, index: lastOf(message) })
    if (message.type === 'heartbeat') {
      this.step({ type: 'heartbeat-response', from, round: message.round })
    }
  }

  async run(ms = 20): Promise<void> {
    await this.simulation.run(this.simulation.now + ms)
  }

  step(message: object): void {
    this.plane.step({ from: 'b', to: 'a', term: this.plane.status().term, ...message } as Message)
  }

  /** b wants it to lead, and votes for it. */
  async lead(): Promise<void> {
    this.step({ type: 'timeout-now' })
    await this.run()
    this.step({ type: 'vote-response', granted: true })
    await this.run()
    expect(this.plane.isLeader()).toBe(true)
  }

  put(key: string, value = new Uint8Array(1)): Outcome[] {
    const outcomes: Outcome[] = []
    this.plane.propose(put(key, value), outcome => outcomes.push(outcome))
    return outcomes
  }
}

const ack = { type: 'append-response', rejected: false, hintIndex: 0, hintTerm: 0 }

function put(key: string, value: Uint8Array): Draft {
  return { type: 'KvPut', data: { key, value, flags: 0 }, actor: 'test' }
}

function lastOf(message: Message & { type: 'append' }): number {
  return message.prevIndex + message.entries.length
}

test('a snapshot that has come is not taken for the next one, whose beginning comes in the same moment', async () => {
  const alone = new Driven(['a'])
  await alone.run(5_000)
  alone.put('x')
  await alone.run(5_000)
  let source: SnapshotSource | undefined
  alone.store.takeSnapshot((_, taken) => {
    source = taken
  })
  await alone.run()
  const { meta, size } = source!
  expect(meta.index).toBeGreaterThan(1)
  const node = new Driven(['a', 'b', 'c'])
  node.store.receiveChunk(0, source!.read(0, size))
  node.step({ type: 'snapshot', term: meta.term, snapshot: meta })
  node.store.receiveChunk(0, new Uint8Array(3))
  await node.run()
  expect(node.plane.state.applied).toBe(meta.index)
})

describe('a proposal', () => {
  test('is answered once, also when another takes its place in the log', async () => {
    const node = new Driven(['a', 'b', 'c'])
    await node.lead()
    const first = [node.put('x'), node.put('y'), node.put('z')]
    await node.run()
    // b becomes leader without having seen any of it, and hands leadership back.
    const entries: Entry[] = [{ index: 1, term: 2, type: 'noop' }]
    node.step({ type: 'append', term: 2, prevIndex: 0, prevTerm: 0, commit: 0, entries })
    await node.run()
    await node.lead()
    const { term, lastIndex } = node.plane.status()
    expect({ term, lastIndex }).toEqual({ term: 3, lastIndex: 2 })
    // 1 and 2 are of others now; 3 and 4 were y and z, and somebody else may have them still.
    const second = [node.put('v'), node.put('w')]
    await node.run()
    expect(first).toMatchObject([[], [{ code: 'TIMEOUT' }], [{ code: 'TIMEOUT' }]])
    node.step({ ...ack, index: 4 })
    await node.run()
    expect(first[0]).toMatchObject([{ code: 'NOT_LEADER' }])
    // Both were applied: the state refuses them, as there has been no init.
    expect(second).toMatchObject([[{ code: 'NOT_INITIALISED' }], [{ code: 'NOT_INITIALISED' }]])
    await node.run(60_000)
    expect([...first, ...second].map(outcomes => outcomes.length)).toEqual([1, 1, 1, 1, 1])
  })
})

describe('a leader', () => {
  test('governs once an entry of its own term is applied: before, it may know of nothing that is agreed', async () => {
    const node = new Driven(['a', 'b', 'c'])
    const entries: Entry[] = [{ index: 1, term: 1, type: 'noop' }]
    node.step({ type: 'append', term: 1, prevIndex: 0, prevTerm: 0, commit: 0, entries })
    await node.lead()
    await node.run(100)
    expect([node.plane.state.applied, node.plane.governs]).toEqual([0, false])
    node.answering = ['b']
    await node.run(1_000)
    expect([node.plane.state.applied, node.plane.governs]).toEqual([2, true])
  })
})

describe('a read', () => {
  test('is given up when the state cannot go on', async () => {
    const node = new Driven(['a', 'b', 'c'])
    // What a newer build wrote.
    const entries: Entry[] = [{ index: 1, term: 1, type: 'data', data: new Uint8Array([200]) }]
    node.step({ type: 'append', term: 1, prevIndex: 0, prevTerm: 0, commit: 0, entries })
    await node.lead()
    node.answering = ['b']
    const got: (number | null)[] = []
    node.plane.read(index => got.push(index))
    await node.run(1_000)
    expect(node.plane.status()).toMatchObject({ rank: 'leader', commit: 2 })
    expect(node.plane.state.stopped).toMatchObject({ at: 1 })
    expect(got).toEqual([null])
  })
})

describe('compaction', () => {
  const large = new Uint8Array(2_000_000)

  async function leading(): Promise<Driven> {
    const node = new Driven(['a', 'b', 'c'])
    await node.lead()
    node.answering = ['b']
    return node
  }

  async function write(node: Driven, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      node.put('k', large)
      await node.run(40)
    }
  }

  test('does not wait for one that does not answer', async () => {
    const node = await leading()
    await write(node, 30)
    const { firstIndex, lastIndex } = node.plane.status()
    expect(firstIndex).toBeGreaterThan(15)
    expect(lastIndex - firstIndex).toBeGreaterThan(3)
  })

  test('leaves what follows a snapshot that is under way', async () => {
    const node = await leading()
    await write(node, 12)
    const before = node.plane.status()
    expect(before.firstIndex).toBeGreaterThan(1)
    // c is back, with nothing: it needs a snapshot, and takes its time.
    node.step({ ...ack, from: 'c', index: before.lastIndex, rejected: true })
    node.step({ type: 'heartbeat-response', from: 'c', round: 0 })
    await node.run()
    expect(node.snapshotsAsked).toEqual(['c'])
    const taken = node.plane.status().applied
    for (let i = 0; i < 30; i++) {
      await write(node, 1)
      node.step({ type: 'heartbeat-response', from: 'c', round: 0 })
    }
    expect(node.plane.status().firstIndex).toBeLessThanOrEqual(taken + 1)
    // It has it: what comes next is an entry, and not the next snapshot.
    node.plane.snapshotSent('c', true)
    node.sent = []
    node.step({ ...ack, from: 'c', index: taken })
    await node.run()
    expect(node.snapshotsAsked).toEqual(['c'])
    const appends = node.sent.filter(m => m.type === 'append' && m.to === 'c')
    expect(appends[0]).toMatchObject({ prevIndex: taken })
  })

  test('but memory has an end', async () => {
    const node = await leading()
    await write(node, 12)
    const { lastIndex, firstIndex: before } = node.plane.status()
    node.step({ ...ack, from: 'c', index: lastIndex, rejected: true })
    for (let i = 0; i < 80; i++) {
      node.step({ type: 'heartbeat-response', from: 'c', round: 0 })
      await write(node, 1)
    }
    const after = node.plane.status()
    expect(after.firstIndex).toBeGreaterThan(before + 20)
  })
})
