import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/agent/process/load-config.ts'
import { options } from '../../src/agent/process/options.ts'
import Agent from '../../src/commands/agent.ts'
import { builtInRoles } from '../../src/roles/registry.ts'

const text = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
const around = { hostname: 'n1', uid: 0, addresses: [], roles: builtInRoles }

describe('docs/configuration.md', () => {
  it('has a row for every setting', () => {
    const rows = options.map(
      ({ flag, env, toml, summary, default: otherwise }) =>
        `| \`--${flag}\` | \`${env[0]}\` | ${toml ? `\`${toml}\`` : '–'} | ${summary} | ${otherwise} |`,
    )
    expect(text.split('\n').filter(line => line.startsWith('| `--'))).toEqual(rows)
  })

  it('has an example that loads', () => {
    const example = /```toml\n([\s\S]*?)```/.exec(text)![1]!
    const config = loadConfig({ config: '/etc/hive/hive.toml' }, {}, () => example, around)
    expect(config).toMatchObject({ name: 'n1', dc: 'ams', roles: ['host'], folder: '/etc/hive' })
  })

  it('shows problems as they are told', () => {
    const file = '\n\nnaem = "n1"\n\n\n\n\n\n\n\n\n\n[role.host]\nfiels = []\n'
    const load = () =>
      loadConfig({ config: '/etc/hive/hive.toml', 'timing-factor': '0' }, {}, () => file, around)
    const shown = /```text\n([\s\S]*?)\n```/.exec(text)![1]!
    expect(load).toThrow(shown)
  })
})

describe('hive agent', () => {
  it('has a flag for every setting, and no other', () => {
    expect(Object.keys(Agent.flags).sort()).toEqual(options.map(({ flag }) => flag).sort())
    for (const { flag, list } of options) {
      const { multiple } = Agent.flags[flag as keyof typeof Agent.flags]
      expect([flag, multiple ?? false]).toEqual([flag, list ?? false])
    }
  })
})
