import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { oneOf, runTool } from '../../scripts/tool.ts'
import { failures, halved, joins, lossy, type Stage, steady } from './experiments.ts'
import { type Guard, guards, type SlowDay, slowMembers } from './slow-members.ts'

const help = `node --expose-gc --max-old-space-size=14000 --max-semi-space-size=128 bench/scale/main.ts [EXPERIMENT …] [--nodes N]

Simulates the membership of clusters of 100 to 100 000 and keeps what came out in results.json, next to what is
there of others. The same seed gives the same numbers. Experiments, by default all: steady (at rest), failures, joins,
loss (1, 10 and 30 %), slow (Lifeguard's experiment), halved (half of all die at once).

  --nodes N   one size: 100, 1000, 10000, 100000`

const file = new URL('results.json', import.meta.url)
const sizes = [100, 1_000, 10_000, 100_000]

interface Row {
  readonly nodes?: number
}

const experiments: Record<string, (nodes: number) => readonly Row[]> = {
  steady: n => [n >= 100_000 ? steady(n, 3_000, 5_000) : steady(n, 5_000, 20_000)],
  failures: n => [failures(n, n >= 1_000 ? 50 : 5, gapBetween(n, 3_000))],
  joins: n =>
    [true, false].map(helped =>
      joins(n, n >= 1_000 ? 50 : 10, helped, gapBetween(n, 200), n > 10_000 ? 12_000 : 30_000),
    ),
  // Longer than the longest suspicion, 22 s.
  loss: n => [0.01, 0.1, 0.3].map(loss => lossy(n, loss, 30_000, n >= 1_000 ? 50 : 5)),
  slow: n => (n === 100 ? slowDays() : []),
  halved: n => [halved(n, n > 10_000 ? healing.slice(0, 6) : healing, stageSeen)],
}

const healing = Array.from({ length: 12 }, (_, i) => (i + 1) * 5_000)

function stageSeen({ after, components, placed }: Stage): void {
  process.stderr.write(`  ${after / 1000} s: in ${components} piece(s), slices right ${placed}\n`)
}

/** The larger the cluster, the less its deaths and births have to do with each other; and the dearer is a second. */
function gapBetween(nodes: number, small: number): number {
  if (nodes < 1_000) return small
  return nodes > 10_000 ? 50 : 200
}

function slowDays(): Row[] {
  const days: SlowDay[] = []
  const day = { nodes: 128, duration: 60_000, seed: 1 }
  for (const slow of [8, 32]) {
    for (const spell of [8_192, 32_768]) {
      for (const between of [64, 4_096]) {
        days.push({ ...day, how: 'blocked', slow, spell, between })
        if (between === 64) days.push({ ...day, how: 'stopped', slow, spell, between })
      }
    }
  }
  const each = Object.keys(guards) as Guard[]
  return each.flatMap(guard => days.map(one => ({ nodes: 128, ...slowMembers(guard, one) })))
}

function main(): number {
  const options = { nodes: { type: 'string' } } as const
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const known = Object.keys(experiments)
  const named = positionals.map(name => oneOf('experiment', name, known))
  const only = values.nodes && oneOf('--nodes', values.nodes, sizes.map(String))
  for (const name of named.length > 0 ? named : known) {
    for (const nodes of sizes) if (!only || nodes === Number(only)) experiment(name, nodes)
  }
  return 0
}

function experiment(name: string, nodes: number): void {
  const began = performance.now()
  const rows = experiments[name]!(nodes)
  if (rows.length === 0) return
  const results = read()
  const others = (results[name] ?? []).filter(r => r.nodes !== rows[0]!.nodes)
  results[name] = [...others, ...rows].sort((a, b) => (a.nodes ?? 0) - (b.nodes ?? 0))
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`)
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  process.stdout.write(`${name} ${nodes}: ${seconds} s\n`)
}

function read(): Record<string, Row[]> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, Row[]>
  } catch {
    return {}
  }
}

await runTool(help, main)
