import { agentVariant } from '../sim/agent-variant.ts'
import { planeVariant } from '../sim/plane-variant.ts'
import { runScenario } from '../sim/scenario.ts'
import { composedDay, plainDay } from '../sim/settings.ts'
import { mutantNamed } from './patch.ts'

/** A process of its own, with one bug in it: runs seeds until one complains, and says so as a line of JSON. */
export interface Verdict {
  /** Runs until it was caught; undefined: it was not. */
  readonly seeds: number | undefined
  readonly seconds: number
  readonly complaint: string
}

const [first, count, minutes] = process.argv.slice(2).map(Number) as [number, number, number]
const { file, whole, focus } = mutantNamed(process.env.HIVE_MUTANT!)
const aboutRaft = !whole && /src\/raft|control-plane/.test(file)
const began = performance.now()
let complaint = ''
let seeds: number | undefined
for (let i = 0; i < count && seeds === undefined; i++) {
  const seed = first + i
  // Bare datagrams are harder on raft, and quicker: what is wrong with it shows there first.
  const bare = aboutRaft && i % 2 === 0
  const { failure } = bare
    ? await runScenario(planeVariant, plainDay(seed, minutes))
    : await runScenario(agentVariant, { ...composedDay(seed, minutes), ...focus })
  if (failure === undefined) continue
  seeds = i + 1
  complaint = failure.message.split('\n')[0]!
}
const verdict: Verdict = { seeds, seconds: (performance.now() - began) / 1000, complaint }
console.log(JSON.stringify(verdict))
