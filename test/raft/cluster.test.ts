/**
 * Seeds: chaos, then peace, with the checkers of `simulated-cluster.ts` watching. `RAFT_SEEDS=5000`
 * runs more of them; `node test/raft/fuzz.ts SEED` tells the story of one.
 */
import { describe, expect, test } from 'vitest'
import { runSeed } from './simulated-run.ts'

const count = Number(process.env.RAFT_SEEDS ?? 150)
const batch = 25

describe('a cluster in chaos keeps its promises and gets well by itself', () => {
  for (let first = 1; first <= count; first += batch) {
    test(`seeds ${first} to ${first + batch - 1}`, () => {
      for (let seed = first; seed < first + batch; seed++) {
        try {
          runSeed(seed, 6000)
        } catch (error) {
          throw new Error(`seed ${seed}`, { cause: error })
        }
      }
    })
  }

  test('some that nobody has tried before', () => {
    const fresh = Math.floor(Math.random() * 1e9)
    for (let seed = fresh; seed < fresh + 10; seed++) {
      try {
        runSeed(seed, 6000)
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error })
      }
    }
  })

  test('the same seed tells the same story', () => {
    const tell = () => {
      const lines: string[] = []
      runSeed(7, 3000, line => lines.push(line))
      return lines
    }
    const story = tell()
    expect(story.length).toBeGreaterThan(500)
    expect(tell()).toEqual(story)
  })

  test('and much happens: elections, changes of voters, snapshots, crashes, reads', () => {
    const total = { terms: 0, acknowledged: 0, reads: 0, configs: 0, snapshots: 0, crashes: 0 }
    for (let seed = 1; seed <= 20; seed++) {
      const figures = runSeed(seed, 6000)
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += figures[key]
    }
    expect(total.terms).toBeGreaterThan(60)
    expect(total.acknowledged).toBeGreaterThan(400)
    expect(total.reads).toBeGreaterThan(100)
    expect(total.configs).toBeGreaterThan(20)
    expect(total.snapshots).toBeGreaterThan(10)
    expect(total.crashes).toBeGreaterThan(60)
  })
})
