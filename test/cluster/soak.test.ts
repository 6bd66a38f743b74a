import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { enclosureHere } from '../soak/enclosure.ts'
import { eventually } from '../support/agents.ts'
import { startScript } from '../support/run.ts'

/** The soak itself, short: it runs, finds nothing, and leaves nothing behind, however it ends. */

const networks = (['namespaces', 'proxy'] as const).map(network => {
  return { network, here: !('refused' in enclosureHere(network)) }
})
const script = join(import.meta.dirname, '../soak/run.ts')
const options = { env: { HOME: tmpdir() } }

function places(): string[] {
  return readdirSync(tmpdir()).filter(name => name.startsWith('hive-soak-'))
}

/** Agents that name this run's folder on their command line. */
function agentsOf(place: string): string[] {
  const processes = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  return processes.filter(pid => {
    const file = `/proc/${pid}/cmdline`
    try {
      return existsSync(file) && readFileSync(file, 'utf8').includes(place)
    } catch {
      return false
    }
  })
}

const gone = (place: string) =>
  eventually(
    'nothing of it is left',
    () => agentsOf(place),
    left => left.length === 0,
  )

for (const { network, here } of networks) {
  test.runIf(here)(`a quarter of a minute of trouble: ${network}`, async () => {
    const before = readFileSync('/proc/mounts', 'utf8')
    const faults = ['--faults', 'kill,pause,partition,loss,slow']
    const run = startScript(
      script,
      ['--minutes', '0.25', '--nodes', '3', '--network', network, ...faults],
      options,
    )
    const { code, stdout, stderr } = await run.ended
    expect(stdout).toContain(network === 'proxy' ? 'a proxy on loopback' : 'a network namespace')
    expect(stdout + stderr).toContain('no violation: nothing lost, nothing stale')
    expect(code).toBe(0)
    expect(places().filter(name => name.includes(`-${run.child.pid}-`))).toEqual([])
    expect(readFileSync('/proc/mounts', 'utf8')).toBe(before)
  })
}

const ends = networks.flatMap(one => [
  { ...one, signal: 'SIGINT' as const },
  { ...one, signal: 'SIGKILL' as const },
])
for (const { network, here, signal } of ends) {
  test.runIf(here)(`${signal} ends all that it started: ${network}`, async () => {
    const run = startScript(
      script,
      ['--minutes', '5', '--nodes', '3', '--network', network],
      options,
    )
    await run.said(/the cluster is up/)
    const [place] = places().filter(name => name.includes(`-${run.child.pid}-`))
    expect(agentsOf(place!).length).toBeGreaterThan(3)
    run.child.kill(signal)
    const { code, stdout } = await run.ended
    if (signal === 'SIGINT') {
      expect(stdout).toContain('no violation until it was stopped')
      expect(code).toBe(130)
      expect(places()).not.toContain(place)
    }
    await gone(place!)
  })
}
