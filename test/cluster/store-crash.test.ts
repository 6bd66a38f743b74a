import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { seeded } from '../../src/base/random.ts'
import { openStorage } from '../../src/store/open.ts'

/** A writer killed with SIGKILL, over and over, on the same files: what it said is acknowledged is there. */
test('kill -9 in the middle of writes loses nothing that was acknowledged', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'hive-crash-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32))
  const dice = seeded(seed)
  let acknowledged = 0
  for (let round = 0; round < 15; round++) {
    // Some lives end in the first batches, some in compactions and checkpoints.
    const before = acknowledged
    acknowledged = await writeAndDie(dir, acknowledged, 1 + dice.below(1500))
    expect(acknowledged).toBeGreaterThan(before)
    await check(dir, acknowledged, `seed ${seed}, round ${round}`)
  }
})

/** Runs a writer until so many more are acknowledged, kills it, returns the last one it spoke of. */
async function writeAndDie(dir: string, from: number, more: number): Promise<number> {
  const program = new URL('./store-writer.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [program, dir, `${from}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let last = from
  const lines = createInterface({ input: child.stdout })
  lines.on('line', line => {
    last = Number(line)
    if (last >= from + more) child.kill('SIGKILL')
  })
  const [code, signal] = await once(child, 'exit')
  expect([code, signal]).toEqual([null, 'SIGKILL'])
  if (!child.stdout.readableEnded) await once(lines, 'close')
  return last
}

async function check(dir: string, acknowledged: number, when: string): Promise<void> {
  const storage = openStorage(dir)
  const { loaded } = storage.openGroup(() => {})
  const { snapshot, entries, applied, hardState } = loaded
  const last = snapshot.index + entries.length
  expect(last, when).toBeGreaterThanOrEqual(acknowledged)
  for (const entry of entries) {
    const value = entry.type === 'data' ? Buffer.from(entry.data).toString() : ''
    expect(value, when).toBe(`value ${entry.index}`)
  }
  expect(applied, when).toBeLessThanOrEqual(last)
  expect(hardState.commit, when).toBeGreaterThanOrEqual(applied)
  const expected = new Map<string, string>()
  for (let i = Math.max(1, applied - 49); i <= applied; i++) expected.set(`k${i % 50}`, `${i}`)
  expect(new Map([...loaded.rows].map(({ key, json }) => [key, json!])), when).toEqual(expected)
  expect(readdirSync(join(dir, 'snapshots')), when).toEqual([])
  await new Promise<void>(resolve => storage.close(resolve))
}
