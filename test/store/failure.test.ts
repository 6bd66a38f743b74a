import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { LogClient } from '../../src/store/log-client.ts'
import type { StorageFailure } from '../../src/store/types.ts'
import { entries, Running, refusal, row, temporaryDir } from './data-dir.ts'

const hardState = { term: 1, vote: 'a', commit: 0 }

describe('a full disk', () => {
  test('ends the log: what was acknowledged stays, nothing more is', async () => {
    const dir = temporaryDir()
    const running = new Running(dir, { maxLogPages: 60 })
    const outcomes: (StorageFailure | undefined)[] = []
    for (let i = 0; i < 40; i++) {
      const batch = { hardState, entries: entries(i * 10 + 1, i * 10 + 10, 1, 1000) }
      outcomes.push(await running.write(batch))
    }
    const failed = outcomes.findIndex(failure => failure !== undefined)
    expect(failed).toBeGreaterThan(3)
    expect(outcomes[failed]).toEqual({ kind: 'full', message: expect.stringContaining('log.db') })
    expect(new Set(outcomes.slice(failed))).toEqual(new Set([outcomes[failed]]))
    expect(running.failures).toEqual([outcomes[failed]])
    await running.settle()
    await running.close()
    const again = new Running(dir)
    expect(again.loaded.entries).toHaveLength(failed * 10)
    expect(await again.write({ entries: entries(failed * 10 + 1, failed * 10 + 1, 1) })).toBe(
      undefined,
    )
  })

  test('fails every batch that waits, in order', async () => {
    const dir = temporaryDir()
    const running = new Running(dir, { maxLogPages: 30 })
    const all = Array.from({ length: 50 }, (_, i) =>
      running.write({ hardState, entries: entries(i * 5 + 1, i * 5 + 5, 1, 2000) }),
    )
    const outcomes = await Promise.all(all)
    const failed = outcomes.findIndex(failure => failure !== undefined)
    expect(failed).toBeGreaterThanOrEqual(0)
    expect(outcomes.slice(failed).every(failure => failure?.kind === 'full')).toBe(true)
    await running.storage.abandon()
    expect(new Running(dir).loaded.entries).toHaveLength(failed * 5)
  })

  test('ends the store when it is the state that finds no room', async () => {
    const dir = temporaryDir()
    const running = new Running(dir, { maxStatePages: 40 })
    expect(await running.write({ hardState, entries: entries(1, 10, 1) })).toBeUndefined()
    running.save(5, 1, [row('small', 1)])
    await running.settle()
    running.save(6, 1, [row('large', 'x'.repeat(400_000))])
    await running.settle()
    expect(running.failures).toHaveLength(1)
    expect(running.failures[0]!.kind).toBe('full')
    expect(await running.write({ entries: entries(11, 11, 1) })).toEqual(running.failures[0])
    await running.close()
    const { loaded } = new Running(dir)
    expect([loaded.applied, loaded.entries.length]).toEqual([5, 10])
    expect([...loaded.rows]).toEqual([row('small', 1)])
  })

  test.skipIf(!canMount())('is found out on a real file system, too', async () => {
    const dir = join(temporaryDir(), 'small')
    mkdirSync(dir)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', dir])
    onTestFinished(() => {
      execFileSync('umount', ['-l', dir])
    })
    const running = new Running(dir)
    running.storage.writeFacts({ id: 'x', name: 'n', incarnation: 1, known: [], joining: [] })
    let acknowledged = 0
    let failure: StorageFailure | undefined
    for (let i = 1; i <= 400 && !failure; i++) {
      failure = await running.write({ hardState, entries: entries(i, i, 1, 10_000) })
      if (!failure) acknowledged = i
    }
    expect(failure?.kind).toBe('full')
    expect(acknowledged).toBeGreaterThan(20)
    const error = refusal(() => {
      for (let at = 0; ; at += 100_000) running.store.receiveChunk(at, new Uint8Array(100_000))
    })
    expect(error.code).toBe('STORAGE')
    expect(error.remedy).toContain('free')
    await running.close()
    execFileSync('mount', ['-o', 'remount,size=8m', dir])
    expect(new Running(dir).loaded.entries).toHaveLength(acknowledged)
  })
})

test('a batch that does not fit the log is refused as damage, and nothing of it is kept', async () => {
  const dir = temporaryDir()
  const running = new Running(dir)
  await running.write({ hardState, entries: entries(1, 3, 1) })
  const failure = await running.write({ entries: entries(5, 6, 1) })
  expect(failure).toEqual({ kind: 'corrupt', message: expect.stringContaining('entry 5') })
  await running.close()
  expect(new Running(dir).loaded.entries).toHaveLength(3)
})

test('agreed entries are not overwritten', async () => {
  const dir = temporaryDir()
  const running = new Running(dir)
  await running.write({ hardState, entries: entries(1, 5, 1) })
  running.save(4, 1, [row('a', 4)])
  await running.settle()
  expect(await running.write({ entries: entries(4, 5, 1) })).toBeUndefined()
  const failure = await running.write({ entries: entries(4, 4, 2) })
  expect(failure).toEqual({ kind: 'corrupt', message: expect.stringContaining('entry 4') })
})

test('a log thread that dies is a failure of everything under way and everything later', async () => {
  const failures: StorageFailure[] = []
  const client = new LogClient(join(temporaryDir(), 'gone'), 0, {}, f => failures.push(f))
  const outcomes = await Promise.all(
    [1, 2, 3].map(() => new Promise<unknown>(resolve => client.write(new Uint8Array(64), resolve))),
  )
  expect(failures).toHaveLength(1)
  expect(failures[0]!.message).toContain('log thread died')
  expect(outcomes).toEqual([failures[0], failures[0], failures[0]])
  const later = await new Promise(resolve => client.write(new Uint8Array(1), resolve))
  expect(later).toEqual(failures[0])
  expect(await new Promise(resolve => client.copy('x', resolve))).toEqual(failures[0])
  await new Promise<void>(resolve => client.flush(resolve))
  await new Promise<void>(resolve => client.close(resolve))
})

test('a closed store refuses', async () => {
  const running = new Running(temporaryDir())
  await running.close()
  expect(await running.write({ hardState })).toMatchObject({ message: 'the store is closed' })
  await running.settle()
})

function canMount(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0
}
