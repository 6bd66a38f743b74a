import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { enclosed, enclosureHere } from './enclosure.ts'
import { help, type Options, parseOptions } from './options.ts'

/** `npm run test:soak -- --minutes M`: real agents, real faults, judged histories. Exit code 1: something was broken. */

const prefix = 'hive-soak-'

/** Data directories go with their run; what a killed run left is found by the process id in its name. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1]
    if (pid === undefined || isAlive(Number(pid))) continue
    rmSync(join(tmpdir(), name), { recursive: true, force: true })
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
  let options: Options | 'help'
  try {
    options = parseOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${help}`)
    return 2
  }
  if (options === 'help') {
    console.log(help)
    return 0
  }
  const here = enclosureHere()
  if ('why' in here) {
    console.error(
      `a soak needs Linux with process, mount and network namespaces (unshare of util-linux): ${here.why}`,
    )
    return 2
  }
  removeLeftovers()
  const place = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`))
  const script = join(import.meta.dirname, 'inside.ts')
  const run = enclosed(here.args, script, JSON.stringify({ options, place }))
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
  rmSync(place, { recursive: true, force: true })
  return code ?? 1
}

process.exitCode = await main()
