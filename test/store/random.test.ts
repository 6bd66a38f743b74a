import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { type Random, seeded } from '../../src/base/random.ts'
import type { Entry, HardState } from '../../src/raft/types.ts'
import { createGroupFiles } from '../../src/store/load.ts'
import { Running, temporaryDir, three } from './data-dir.ts'
import { rowsOf, someEntries, someRows, Twin } from './twin.ts'

/** Real files against the twin: writes, saves, compactions, snapshots, crashes, in a random order. */
class Walk {
  readonly #dice: Random
  readonly #dir = temporaryDir()
  readonly #twin = new Twin()
  #running: Running
  /** What is under way. */
  #waiting: Promise<unknown>[] = []

  constructor(dice: Random) {
    this.#dice = dice
    this.#running = this.#open()
    this.#twin.reopen(this.#running.loaded, true)
  }

  async step(): Promise<void> {
    const roll = this.#dice.below(100)
    if (roll < 40) this.#append()
    else if (roll < 48) this.#overwrite()
    else if (roll < 56) this.#vote()
    else if (roll < 76) this.#save()
    else if (roll < 83) this.#compact()
    else if (roll < 87) await this.#copy()
    else if (roll < 90) this.#install()
    else if (roll < 95) await this.#drain()
    else await this.#restart(roll >= 98)
  }

  async end(): Promise<void> {
    await this.#drain()
    await this.#restart(true)
    await this.#running.close()
  }

  #append(): void {
    this.#write(someEntries(this.#dice, this.#twin.last + 1, this.#term), this.#hardState())
  }

  /** As a new leader does with what was never agreed. */
  #overwrite(): void {
    const { applied, last } = this.#twin
    const from = applied + 1 + this.#dice.below(last - applied + 1)
    const term = this.#term + 1
    this.#write(someEntries(this.#dice, from, term), { term, vote: 'b', commit: applied })
  }

  #vote(): void {
    const vote = this.#dice.below(2) === 0 ? null : `voter ${this.#dice.below(3)}`
    this.#write([], { term: this.#term + this.#dice.below(2), vote, commit: this.#twin.applied })
  }

  #save(): void {
    const { applied, last } = this.#twin
    if (applied === last) return
    const index = applied + 1 + this.#dice.below(last - applied)
    const rows = someRows(this.#dice)
    this.#twin.save(index, rows)
    this.#running.save(index, this.#twin.termAt(index), rows)
  }

  #compact(): void {
    const { applied, now } = this.#twin
    if (applied === now.start) return
    const through = now.start + 1 + this.#dice.below(applied - now.start)
    this.#twin.compact(through)
    this.#running.store.compact(through, this.#twin.termAt(through))
  }

  async #copy(): Promise<void> {
    const source = await this.#running.snapshot()
    const path = join(this.#dir, 'copy.db')
    writeFileSync(path, source.read(0, source.size))
    source.close()
    const db = new Database(path)
    const rows = db.prepare('SELECT key, json FROM rows').raw().all() as [string, string][]
    db.close()
    expect(new Map(rows)).toEqual(this.#twin.rowsAt(source.meta.index))
    expect(source.meta.term).toBe(this.#twin.termAt(source.meta.index))
  }

  /** From a leader that is far ahead. */
  #install(): void {
    const index = this.#twin.last + 1 + this.#dice.below(20)
    const term = this.#term + 1
    const rows = someRows(this.#dice).filter(({ json }) => json !== null)
    const unique = [...new Map(rows.map(row => [row.key, row])).values()]
    const meta = { index, term, config: three }
    const leader = temporaryDir()
    createGroupFiles(leader, meta, { term, vote: null, commit: index }, unique)
    this.#running.store.receiveChunk(0, readFileSync(join(leader, 'state.db')))
    const hardState: HardState = { term, vote: null, commit: index }
    const done = this.#twin.install(index, term, new Map(rowsOf(unique)), hardState)
    this.#waiting.push(this.#running.write({ snapshot: meta, hardState }).then(succeed(done)))
  }

  async #drain(): Promise<void> {
    await Promise.all(this.#waiting.splice(0))
    if (this.#dice.below(2) === 0) return
    await this.#running.settle()
    expect(this.#running.failures).toEqual([])
  }

  async #restart(clean: boolean): Promise<void> {
    if (clean) await this.#running.close()
    else await this.#running.storage.abandon()
    this.#waiting = []
    this.#running = this.#open()
    this.#twin.reopen(this.#running.loaded, clean)
    const { loaded, store } = this.#running
    await this.#running.settle()
    expect(store.logBytes()).toBe(this.#twin.bytesAfter(loaded.snapshot.index))
  }

  #write(entries: readonly Entry[], hardState: HardState): void {
    const done = this.#twin.write(entries, hardState)
    this.#waiting.push(this.#running.write({ entries, hardState }).then(succeed(done)))
  }

  /** Every lag and threshold small, so that everything happens often. */
  #open(): Running {
    return new Running(this.#dir, { saveDelay: 1, walBytes: 60_000, quietWalBytes: 20_000 })
  }

  get #term(): number {
    return Math.max(1, this.#twin.now.hardState.term)
  }

  #hardState(): HardState {
    const { vote } = this.#twin.now.hardState
    return { term: this.#term, vote, commit: this.#twin.applied }
  }
}

function succeed(done: () => void): (failure: unknown) => void {
  return failure => {
    expect(failure).toBeUndefined()
    done()
  }
}

const fresh = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32))

test.each([1, 2, 3, fresh])('files are as the twin says, seed %i', async seed => {
  const walk = new Walk(seeded(seed))
  for (let i = 0; i < 120; i++) await walk.step()
  await walk.end()
})
