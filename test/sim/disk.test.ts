import { expect, test } from 'vitest'
import { OperatorError } from '../../src/base/errors.ts'
import type { Entry } from '../../src/raft/types.ts'
import type { StorageFailure } from '../../src/store/types.ts'
import { newLife } from './clock.ts'
import { Disk, SimulatedStorage } from './disk.ts'
import { Simulation } from './simulation.ts'

function machine(seed: number) {
  const simulation = new Simulation(seed)
  const disk = new Disk(simulation, 'n1')
  const boot = () => new SimulatedStorage(disk, newLife('n1'))
  return { simulation, disk, boot }
}

function entry(index: number): Entry {
  return { index, term: 1, type: 'data', data: new Uint8Array([index]) }
}

const nobody = { voters: [], outgoing: [], learners: [], learnersNext: [] }

test('a crash keeps a beginning of what was not acknowledged: nothing, some or all of it', async () => {
  const kept = new Set<number>()
  for (let seed = 1; seed <= 60; seed++) {
    const { simulation, boot } = machine(seed)
    const storage = boot()
    const { store } = storage.openGroup(() => {})
    let acknowledged = 0
    for (let i = 1; i <= 4; i++) store.write({ id: i, entries: [entry(i)] }, () => acknowledged++)
    await simulation.run(0.01 * seed)
    storage.crash()
    const { loaded } = boot().openGroup(() => {})
    expect(loaded.entries.map(e => e.index)).toEqual(loaded.entries.map((_, i) => i + 1))
    expect(loaded.entries.length).toBeGreaterThanOrEqual(acknowledged)
    kept.add(loaded.entries.length)
  }
  expect(kept.size).toBeGreaterThan(1)
})

test('after a failure nothing more is written, and everybody hears why', async () => {
  const { simulation, disk, boot } = machine(1)
  const storage = boot()
  const heard: (StorageFailure | undefined)[] = []
  const { store } = storage.openGroup(failure => heard.push(failure))
  const done: (string | undefined)[] = []
  store.write({ id: 1, entries: [entry(1)] }, failure => done.push(failure?.kind))
  await simulation.run(100)
  disk.failing = { kind: 'full', message: 'no space left' }
  store.write({ id: 2, entries: [entry(2)] }, failure => done.push(failure?.kind))
  await simulation.run(200)
  disk.failing = undefined
  store.write({ id: 3, entries: [entry(3)] }, failure => done.push(failure?.kind))
  store.save({ index: 1, term: 1, config: nobody, rows: [] })
  await simulation.run(5_000)
  expect(done).toEqual([undefined, 'full', 'full'])
  expect(heard).toEqual([{ kind: 'full', message: 'no space left' }])
  disk.failing = { kind: 'io', message: 'broken' }
  expect(() =>
    storage.writeFacts({ id: 'x', name: 'n', incarnation: 1, known: [], joining: [] }),
  ).toThrow(OperatorError)
  disk.failing = undefined
  const { loaded } = boot().openGroup(() => {})
  expect([loaded.entries.length, loaded.applied]).toEqual([1, 0])
})

test('a slow disk is slow', async () => {
  const { simulation, disk, boot } = machine(1)
  disk.habits.slowness = 1000
  const { store } = boot().openGroup(() => {})
  let at = 0
  store.write({ id: 1, entries: [entry(1)] }, () => {
    at = simulation.now
  })
  await simulation.run(10_000)
  expect(at).toBeGreaterThan(300)
})

test('what a process changes in its memory does not reach the disk', async () => {
  const { simulation, boot } = machine(1)
  const storage = boot()
  const { store } = storage.openGroup(() => {})
  const written = entry(1)
  store.write({ id: 1, entries: [written] }, () => {})
  if (written.type === 'data') written.data[0] = 99
  await simulation.run(100)
  const { loaded } = boot().openGroup(() => {})
  expect(loaded.entries).toEqual([entry(1)])
})

test('a writer that forgets its manners is told', async () => {
  const { simulation, boot } = machine(1)
  const { store } = boot().openGroup(() => {})
  const committed = { term: 1, vote: null, commit: 2 }
  store.write({ id: 1, hardState: committed, entries: [entry(1), entry(2)] }, () => {})
  await simulation.run(100)
  expect(() => store.write({ id: 2, entries: [entry(5)] }, () => {})).toThrow(/gap/)
  expect(() => store.write({ id: 1, entries: [] }, () => {})).toThrow(/batch/)
  store.write({ id: 3, entries: [{ index: 2, term: 2, type: 'noop' }] }, () => {})
  await expect(simulation.run(200)).rejects.toThrow(/overwrites what is committed/)
})
