import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openStorage } from '../../src/store/open.ts'
import { entries, Running, temporaryDir, three } from './data-dir.ts'

/** What a disk can refuse beside the writes that everybody thinks of: a rename, a removal, a closing. */

/** Nothing is put in its place, and nothing that asks for a file removes it. */
function folderInTheWay(path: string): void {
  rmSync(path, { recursive: true, force: true })
  mkdirSync(join(path, 'full'), { recursive: true })
}

test('a received snapshot that cannot be named is a failure of the disk', async () => {
  const dir = temporaryDir()
  const running = new Running(dir)
  running.store.receiveChunk(0, new Uint8Array(100))
  folderInTheWay(join(dir, 'snapshots', 'received-1'))
  const failure = await running.write({
    hardState: { term: 2, vote: null, commit: 10 },
    snapshot: { index: 10, term: 2, config: three },
  })
  expect(failure?.message).toMatch(/the received snapshot cannot be installed/)
  expect(running.failures).toHaveLength(1)
})

test('a piece of a snapshot that is refused says so, though the one before cannot be removed', () => {
  const dir = temporaryDir()
  const running = new Running(dir)
  folderInTheWay(join(dir, 'snapshots', 'incoming'))
  expect(() => running.store.receiveChunk(0, new Uint8Array(100))).toThrow(
    expect.objectContaining({ code: 'STORAGE' }),
  )
})

test('the directory is let go of though the pid cannot be removed', async () => {
  const dir = temporaryDir()
  const running = new Running(dir)
  await running.write({ entries: entries(1, 3, 1), hardState: { term: 1, vote: null, commit: 0 } })
  folderInTheWay(join(dir, 'agent.pid'))
  await running.close()
  rmSync(join(dir, 'agent.pid'), { recursive: true })
  openStorage(dir).close(() => {})
})

test('a snapshot of this node that cannot even be given up ends nothing', async () => {
  const { backups, dir } = openStorage(temporaryDir())
  folderInTheWay(join(dir, 'backups', 'prod.snapshot.part'))
  const writer = backups.write('prod.snapshot')
  const failure = await new Promise(done => writer.append(new Uint8Array(10), done))
  expect(failure).toMatch(/EISDIR/)
  writer.drop()
})

test('what a crash left of a snapshot is gone with the next start', () => {
  const dir = temporaryDir()
  mkdirSync(join(dir, 'backups'))
  for (const name of ['a.snapshot', 'b.snapshot.part', 'notes.part'])
    writeFileSync(join(dir, 'backups', name), 'half')
  const storage = openStorage(dir)
  expect(readdirSync(join(dir, 'backups')).sort()).toEqual(['a.snapshot', 'notes.part'])
  storage.close(() => {})
})

test('a log is set aside also where what the node knew finds no room beside it, and said to be there', () => {
  const dir = temporaryDir()
  writeFileSync(join(dir, 'log.db'), 'damaged')
  const source = join(import.meta.dirname, '../../src/store/aside.ts')
  const script = `import { moveAside } from ${JSON.stringify(source)}
    console.log(moveAside(${JSON.stringify(dir)}, 'epoch-1', { id: 'x'.repeat(4000) }))`
  // Files may have 1 KiB.
  const run = spawnSync(
    'bash',
    ['-c', 'ulimit -f 1; exec "$0" --input-type=module -e "$1"', process.execPath, script],
    { encoding: 'utf8' },
  )
  expect(run.stdout.trim()).toBe(join(dir, 'aside', 'epoch-1-1'))
  expect(readdirSync(join(dir, 'aside', 'epoch-1-1'))).toEqual(['log.db'])
})
