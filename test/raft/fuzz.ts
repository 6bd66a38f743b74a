/** `node test/raft/fuzz.ts FIRST COUNT`: many seeds in a row; `node test/raft/fuzz.ts SEED` tells one. */
import { runSeed } from './simulated-run.ts'

const [first = '1', count] = process.argv.slice(2)
if (count === undefined) {
  console.log(runSeed(Number(first), 6000, line => console.log(line)))
} else {
  let failed = 0
  for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
    try {
      runSeed(seed, 6000)
    } catch (error) {
      failed++
      console.log(`seed ${seed}: ${(error as Error).message}`)
    }
  }
  console.log(`${failed} of ${count} failed`)
  process.exitCode = failed > 0 ? 1 : 0
}
