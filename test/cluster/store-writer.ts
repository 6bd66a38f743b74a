import { openStorage } from '../../src/store/open.ts'

/**
 * A process that writes until it is killed, and says on its output what was acknowledged. Every
 * value follows from its index, so that whoever looks afterwards knows what must be there.
 */
const [dir, from] = process.argv.slice(2)
const storage = openStorage(dir!)
const { loaded, store } = storage.openGroup(failure => {
  throw new Error(failure.message)
})
const { term } = loaded.hardState
const config = { voters: ['a'], outgoing: [], learners: [], learnersNext: [] }
let last = loaded.snapshot.index + loaded.entries.length
let saved = loaded.applied
let id = 0
if (last < Number(from)) throw new Error(`${from} was acknowledged, and the log ends at ${last}`)

function write(): void {
  const count = 1 + (id % 7)
  const entries = Array.from({ length: count }, () => {
    const index = ++last
    return { index, term: term + 1, type: 'data' as const, data: Buffer.from(`value ${index}`) }
  })
  const end = last
  const hardState = { term: term + 1, vote: 'a', commit: end - count }
  store.write({ id: ++id, hardState, entries }, failure => {
    if (failure) throw new Error(failure.message)
    process.stdout.write(`${end}\n`)
    apply(end)
    setImmediate(write)
  })
}

function apply(end: number): void {
  const rows = []
  for (let index = saved + 1; index <= end; index++) {
    rows.push({ table: 'kv', key: `k${index % 50}`, json: `${index}`, blob: null })
  }
  saved = end
  store.save({ index: end, term: term + 1, config, rows })
  if (id % 40 === 0) store.compact(end - 20, term + 1)
  if (id % 60 === 0) store.takeSnapshot((_failure, source) => source?.close())
}

for (let i = 0; i < 4; i++) write()
