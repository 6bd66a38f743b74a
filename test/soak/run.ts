import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runTool } from '../../scripts/tool.ts'
import { enclosed, enclosureHere } from './enclosure.ts'
import { pidSuffix } from './node.ts'
import { help, parseOptions } from './options.ts'

/** `npm run test:soak -- --minutes M`: real agents, real faults, judged histories. Exit code 1: something was broken. */

const prefix = 'hive-soak-'

/** Data directories go with their run; what a killed run left is found by the process id in its name. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1]
    if (pid === undefined || isAlive(Number(pid))) continue
    clear(join(tmpdir(), name))
  }
}

function clear(place: string): void {
  endAgentsOf(place)
  rmSync(place, { recursive: true, force: true })
}

/**
 * Where no namespace ends them: an agent that stands still (SIGSTOP) when its run is killed cannot see that. Within a
 * namespace the numbers are others; so only a process that was started for this place counts.
 */
function endAgentsOf(place: string): void {
  for (const file of readdirSync(place)) {
    if (!file.endsWith(pidSuffix)) continue
    const pid = Number(readFileSync(join(place, file), 'utf8'))
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      if (command.includes('agent') && command.some(arg => arg.startsWith(`${place}/`)))
        process.kill(pid, 'SIGKILL')
    } catch {
      // It is gone already.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2))
  const enclosure = enclosureHere(options.network)
  if ('refused' in enclosure) {
    console.error(enclosure.refused)
    return 2
  }
  for (const why of enclosure.why) console.log(why)
  removeLeftovers()
  const place = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`))
  const script = join(import.meta.dirname, 'inside.ts')
  const { network, args } = enclosure
  const input = { options, place, network, mounts: args !== undefined }
  const run = enclosed(enclosure, script, JSON.stringify(input))
  let told = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // The second time somebody means it.
      if (told) run.kill('SIGKILL')
      told = true
      run.stdin!.end()
    })
  }
  run.stdin!.on('error', () => {})
  const [code] = (await once(run, 'close')) as [number | null]
  clear(place)
  return code ?? 1
}

await runTool(help, main)
