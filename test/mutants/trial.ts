import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { agentVariant } from '../sim/agent-variant.ts'
import { planeVariant } from '../sim/plane-variant.ts'
import { runScenario } from '../sim/scenario.ts'
import { composedDay, plainDay } from '../sim/settings.ts'
import { mutantNamed } from './patch.ts'

/** A process of its own, with one bug in it: runs seeds until one complains, and says so as a line of JSON. */
export interface Verdict {
  /** Runs until it was caught; undefined: it was not. */
  readonly seeds: number | undefined
  readonly tried: number
  /** Of computing: on a busy machine others take most of the time. */
  readonly seconds: number
  readonly complaint: string
}

const [first, count, minutes, patience] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
  number,
]
const { file, whole, focus } = mutantNamed(process.env.HIVE_MUTANT!)
const aboutRaft = !whole && /src\/raft|control-plane/.test(file)
let complaint = ''
let seeds: number | undefined
let tried = 0
for (let i = 0; i < count && seeds === undefined && seconds() < patience; i++) {
  tried++
  const seed = first + i
  // Bare datagrams are harder on raft, and quicker: what is wrong with it shows there first.
  const bare = aboutRaft && seed % 2 === 1
  const { failure } = bare
    ? await runScenario(planeVariant, plainDay(seed, minutes))
    : await runScenario(agentVariant, { ...composedDay(seed, minutes), ...focus })
  if (failure === undefined || (process.env.HIVE_SOUND === undefined && complainsAnyway(seed)))
    continue
  seeds = i + 1
  complaint = failure.message.split('\n')[0]!
}

function seconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** The same seed without the bug: what fails there as well is no catch. */
function complainsAnyway(seed: number): boolean {
  const self = fileURLToPath(import.meta.url)
  const args = [self, `${seed}`, '1', `${minutes}`, `${patience}`]
  const out = execFileSync(process.execPath, args, {
    encoding: 'utf8',
    env: { ...process.env, HIVE_SOUND: '1' },
  })
  const { seeds: failed, complaint: why } = JSON.parse(out.trim().split('\n').at(-1)!) as Verdict
  if (failed !== undefined) console.log(`seed ${seed} fails without the bug: ${why}`)
  return failed !== undefined
}

const verdict: Verdict = { seeds, tried, seconds: seconds(), complaint }
console.log(JSON.stringify(verdict))
