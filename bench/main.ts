import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { numberIn, oneOf, runTool, wholeIn } from '../scripts/tool.ts'
import { cli } from './cli.ts'
import { failover } from './failover.ts'
import { failure } from './failure.ts'
import { type Judged, judge, table } from './figures.ts'
import { footprint } from './footprint.ts'
import { get } from './get.ts'
import { lostPercent } from './jitter.ts'
import { loadClient } from './load.ts'
import { which } from './processes.ts'
import { put } from './put.ts'
import { type Bench, type Room, temporaryDir } from './room.ts'

const benches: readonly Bench[] = [put, get, failover, failure, footprint, cli]

const usage = `node bench/main.ts [NAME…] [options]: hive beside its peers, in the same run, as ratios

${benches.map(({ name, summary }) => `  ${name.padEnd(11)}${summary}`).join('\n')}

  --seconds N   length of a window of load (3)
  --repeats N   windows, kills, starts of each (3)
  --quick       everything tiny: does it work?
  --hive FILE   bin/hive.js of another build
  --json        figures as JSON on stdout

etcd, serf and wrk are taken from the path, consul from there or below $PEERS_DIR; what is not there is left out.
Data lies below $BENCH_DIR, or the system's temporary directory: it should be on a real disk.
`

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '3' },
      repeats: { type: 'string', default: '3' },
      quick: { type: 'boolean', default: false },
      hive: { type: 'string', default: join(import.meta.dirname, '../bin/hive.js') },
      json: { type: 'boolean', default: false },
    },
  })
  const seconds = numberIn('seconds', values.seconds, 0.1)
  const repeats = wholeIn('repeats', values.repeats, 1)
  const names = benches.map(bench => bench.name)
  const wanted = new Set(positionals.map(name => oneOf('bench', name, names)))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => process.exit(1))
  const say = (text: string) => process.stderr.write(`${text}\n`)
  const machine = describeMachine()
  say(machine.join('\n'))
  const figures: Judged[] = []
  const failed: string[] = []
  for (const bench of benches) {
    if (wanted.size > 0 && !wanted.has(bench.name)) continue
    const lost = lostPercent()
    say(`\n# ${bench.name}: ${bench.summary}`)
    say(`jitter ${lost.toFixed(1)} % lost, load ${loadavg()[0]!.toFixed(1)}`)
    const room: Room = {
      script: resolve(values.hive),
      dir: temporaryDir(),
      seconds: values.quick ? 1 : seconds,
      repeats: values.quick ? 1 : repeats,
      quick: values.quick,
      say: text => say(`  ${text}`),
    }
    const begun = new Date()
    try {
      const found = (await bench.run(room)).map(judge)
      figures.push(...found)
      save(bench.name, { begun, machine, jitterLostPercent: lost, figures: found })
    } catch (error) {
      // One bench that fails must not cost what the others have found.
      failed.push(bench.name)
      say(`  FAILED: ${error instanceof Error ? error.stack : error}`)
    }
    rmSync(room.dir, { recursive: true, force: true })
  }
  process.stdout.write(
    values.json ? `${JSON.stringify({ machine, figures }, null, 2)}\n` : `\n${table(figures)}\n`,
  )
  return failed.length > 0 ? 1 : 0
}

function save(name: string, result: { readonly begun: Date } & Record<string, unknown>): void {
  const results = join(import.meta.dirname, 'results')
  mkdirSync(results, { recursive: true })
  const stamp = result.begun.toISOString().slice(0, 19).replaceAll(':', '')
  const text = JSON.stringify({ bench: name, ...result }, null, 2)
  writeFileSync(join(results, `${stamp}-${name}.json`), `${text}\n`)
}

function describeMachine(): string[] {
  const consul = join(process.env.PEERS_DIR ?? '', 'consul/root/usr/bin/consul')
  const versions = [
    firstLine('etcd', ['--version']),
    firstLine('serf', ['version'], 'serf '),
    firstLine(which('consul') ?? (existsSync(consul) ? consul : ''), ['version']),
  ]
  const cores = cpus()
  return [
    `${cores.length} x ${cores[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`,
    `Node.js ${process.versions.node}, load by ${loadClient}`,
    versions.filter(version => version !== '').join(', ') || 'no peer is installed',
  ]
}

function firstLine(program: string, args: readonly string[], prefix = ''): string {
  if (program === '') return ''
  try {
    return (
      prefix +
      execFileSync(program, args, {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).split('\n')[0]!
    )
  } catch {
    return ''
  }
}

await runTool(usage, main)
// What a bench left open must not hold this process.
process.exit()
