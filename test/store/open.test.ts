import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { openStorage } from '../../src/store/open.ts'
import type { NodeFacts } from '../../src/store/types.ts'
import { refusal, temporaryDir } from './data-dir.ts'

const facts: NodeFacts = { id: 'x', name: 'n1', incarnation: 1, known: [], joining: [] }

test('a data directory that is missing is made, for its owner alone', () => {
  const dir = join(temporaryDir(), 'a', 'b')
  const storage = openStorage(dir)
  expect(statSync(dir).mode & 0o777).toBe(0o700)
  expect(storage.dir).toBe(dir)
  expect(storage.lockedBy).toBe(process.pid)
  storage.close(() => {})
})

test('a file where the directory should be is refused', () => {
  const file = join(temporaryDir(), 'file')
  writeFileSync(file, '')
  for (const dir of [file, join(file, 'below')]) {
    const error = refusal(() => openStorage(dir))
    expect(error.code).toBe('DATA_DIR')
    expect(error.message).toContain(dir)
    expect(error.remedy).toContain('--data-dir')
  }
})

test('a directory that cannot be made or written is refused', () => {
  // Nobody may make files there, not even root.
  const error = refusal(() => openStorage('/proc/hive'))
  expect(error.code).toBe('DATA_DIR')
  expect(error.message).toContain('/proc/hive cannot be used')
  expect(error.remedy).toContain('--data-dir')
})

test('a directory in the place of node.db is refused', () => {
  const dir = temporaryDir()
  mkdirSync(join(dir, 'node.db'))
  expect(refusal(() => openStorage(dir)).code).toBe('DATA_DIR')
})

test('a disk that does not take even the process id is told of, and the directory is let go', () => {
  const dir = temporaryDir()
  const obstacle = join(dir, 'agent.pid.new')
  mkdirSync(obstacle)
  const error = refusal(() => openStorage(dir))
  expect(error.code).toBe('STORAGE')
  expect(error.message).toContain('agent.pid cannot be written')
  rmdirSync(obstacle)
  openStorage(dir).close(() => {})
})

test('a second agent is refused, and told who the first one is', async () => {
  const dir = temporaryDir()
  const first = openStorage(dir)
  const error = refusal(() => openStorage(dir))
  expect(error.code).toBe('DATA_DIR_LOCKED')
  expect(error.message).toBe(`${dir} is in use by another agent (pid ${process.pid})`)
  writeFileSync(join(dir, 'agent.pid'), 'nonsense')
  expect(refusal(() => openStorage(dir)).message).toBe(`${dir} is in use by another agent`)
  first.writeFacts(facts)
  await new Promise<void>(resolve => first.close(resolve))
  const second = openStorage(dir)
  expect(second.readFacts()).toEqual(facts)
  await second.abandon()
  expect(existsSync(join(dir, 'agent.pid'))).toBe(false)
})

test('the lock holds across processes and goes with the one that is killed', async () => {
  const dir = temporaryDir()
  const open = new URL('../../src/store/open.ts', import.meta.url)
  const program = `
    const { openStorage } = await import(${JSON.stringify(open.href)})
    openStorage(${JSON.stringify(dir)}).writeFacts(${JSON.stringify(facts)})
    console.log('open')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program])
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const error = refusal(() => openStorage(dir))
  expect(error.code).toBe('DATA_DIR_LOCKED')
  expect(error.message).toContain(`(pid ${child.pid})`)
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(readFileSync(join(dir, 'agent.pid'), 'utf8')).toBe(`${child.pid}\n`)
  const next = openStorage(dir)
  expect(next.readFacts()).toEqual(facts)
  await next.abandon()
})

test('facts of a newer hive keep what this one does not know', async () => {
  const dir = temporaryDir()
  const storage = openStorage(dir)
  const newer = { ...facts, left: true, mood: 'curious' } as NodeFacts
  storage.writeFacts(newer)
  expect(storage.readFacts()).toEqual(newer)
  await storage.abandon()
})

test.each([
  ['{"id":1}', 'id must be a string'],
  ['{"id":', 'JSON'],
  [JSON.stringify({ ...facts, known: [{ id: 'x' }] }), 'name must be a string'],
  [JSON.stringify({ ...facts, cluster: { tag: 'x' } }), 'name must be a string'],
  [JSON.stringify({ ...facts, group: { tag: 't', prepared: {} } }), 'coordinator must be'],
])('senseless facts are damage: %s', async (json, reason) => {
  const dir = temporaryDir()
  const storage = openStorage(dir)
  storage.writeFacts(facts)
  await storage.abandon()
  const db = new Database(join(dir, 'node.db'))
  db.prepare('UPDATE facts SET json = ?').run(json)
  db.close()
  const again = openStorage(dir)
  const error = refusal(() => again.readFacts())
  expect(error.code).toBe('SCHEMA')
  expect(error.message).toContain('node.db')
  expect(error.message).toContain(reason)
  await again.abandon()
})
