import { expect, test } from 'vitest'
import type { DoctorReport } from '../../src/api/doctor-types.ts'
import { World } from './world.ts'

/** Examinations by whole agents: what the doctor says of a network that is known to be well, or not. */

const instruments = {
  syncs: (_count: number, _most: number, done: (found: readonly number[]) => void) => done([1, 2]),
  premises: (done: (found: { failed: string }) => void) => done({ failed: 'a disk of glass' }),
  files: () => ({ used: 10, limit: 4096 }),
}

const examine = (world: World, at: string, node?: string): Promise<DoctorReport> =>
  world.ask(at, backend => backend.doctor(node ? { node } : {}))

const found = (report: DoctorReport, name: string) => report.checks.find(c => c.name === name)!

test('a healthy cluster: every way is tried, both ways; another node examines itself on request', async () => {
  const world = new World(3, () => ({ instruments }))
  await world.cluster3(['n4'])
  for (const of of ['n1', 'n4']) {
    const report = await examine(world, 'n1', of)
    expect(report.node).toBe(of)
    for (const name of ['quorum', 'links', 'tcp', 'udp', 'mtu', 'clock', 'disk-sync', 'event-loop'])
      expect([name, found(report, name).verdict]).toEqual([name, 'ok'])
    expect(found(report, 'mtu').peers?.map(p => p.figures)).toEqual(
      Array.from({ length: 3 }, () => '1400 bytes there, 1400 back'),
    )
    expect(found(report, 'disk-space')).toMatchObject({
      verdict: 'warn',
      figures: 'a disk of glass',
    })
  }
})

test('a disk that hangs holds no examination up, and is said to', async () => {
  let asked = 0
  const hanging = { ...instruments, syncs: () => void asked++, premises() {} }
  const world = new World(5, () => ({ instruments: hanging }))
  world.add('n1')
  for (let i = 0; i < 2; i++) {
    const report = await examine(world, 'n1')
    expect(found(report, 'disk-sync')).toMatchObject({
      verdict: 'fail',
      figures: expect.stringContaining('10 s'),
    })
  }
  expect(asked).toBe(1)
})

test('zombies: all but what needs an init', async () => {
  const world = new World(4)
  world.add('n1')
  world.add('n2', ['n1', 'nobody'])
  await world.until('they meet', () => world.node('n1').process?.agent.swimMembers().length === 1)
  const report = await examine(world, 'n2')
  expect(found(report, 'tcp').verdict).toBe('ok')
  expect(found(report, 'quorum').verdict).toBe('skipped')
  expect(found(report, 'disk-sync').verdict).toBe('skipped')
  expect(found(report, 'seeds')).toMatchObject({ verdict: 'warn', figures: /nobody.*unresolved/ })
})

test('without a quorum it says who is away', async () => {
  const world = new World(5)
  await world.cluster3()
  world.kill('n2', 'n3')
  await world.run(5_000)
  const report = await examine(world, 'n1')
  expect(report.verdict).toBe('fail')
  expect(found(report, 'quorum')).toMatchObject({ verdict: 'fail', figures: /1 of 3/ })
  expect(found(report, 'links').peers?.map(p => [p.peer, p.verdict])).toEqual([
    ['n2', 'fail'],
    ['n3', 'fail'],
  ])
})

test('a clock that went wrong is measured to the millisecond', async () => {
  const world = new World(6)
  await world.cluster3()
  const { watch } = world.node('n2')
  const before = await examine(world, 'n1')
  const ahead = (report: DoctorReport) =>
    Number.parseFloat(
      found(report, 'clock')
        .peers!.find(p => p.peer === 'n2')!
        .figures.replace('−', '-'),
    )
  watch.skew += 5_000
  await world.run(2_000)
  const report = await examine(world, 'n1')
  expect(found(report, 'clock').verdict).toBe('warn')
  expect(Math.abs(ahead(report) - ahead(before) - 5_000)).toBeLessThan(20)
})

test('datagrams that come through one way only', async () => {
  const world = new World(7)
  await world.cluster3()
  // Nobody listens there any more, as behind a firewall that lets TCP pass.
  world.node('n1').machine.datagrams.clear()
  const report = await examine(world, 'n1')
  expect(found(report, 'udp')).toMatchObject({
    verdict: 'fail',
    figures: /nothing arrives from it/,
  })
  expect(found(report, 'tcp').verdict).toBe('ok')
})
