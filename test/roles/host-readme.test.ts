import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseToml } from '../../src/base/toml.ts'
import { planHost } from '../../src/roles/host/role.ts'
import { parseServiceFile } from '../../src/roles/host/service-file.ts'
import { builtInRoles } from '../../src/roles/registry.ts'

const self = { id: '1', name: 'n1', address: '10.0.0.1', dc: 'dc1' }

describe.each(builtInRoles.map(role => role.name))('the README of %s', name => {
  const text = readFileSync(new URL(`../../src/roles/${name}/README.md`, import.meta.url), 'utf8')

  it('has the sections that every role has', () => {
    const sections = [...text.matchAll(/^## (.+)$/gm)].map(match => match[1])
    expect(sections).toEqual(['Name', 'Description', 'Configuration', 'Examples', 'Health'])
  })
})

describe('the examples of host', () => {
  const text = readFileSync(new URL('../../src/roles/host/README.md', import.meta.url), 'utf8')
  const blocks = [...text.matchAll(/```(toml|json)\n([\s\S]*?)```/g)].map(([, language, code]) => ({
    language: language!,
    code: code!,
  }))
  const isFile = ({ language, code }: (typeof blocks)[number]) =>
    language === 'json' || code.startsWith('# service file')
  const host = builtInRoles.find(role => role.name === 'host')!

  it('are all there', () => {
    expect(blocks.map(isFile)).toEqual([false, false, true, true])
  })

  it.each(blocks.filter(block => !isFile(block)))('parse and plan: $code', ({ code }) => {
    const parsed = parseToml(code)
    if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
    const raw = (parsed.value as { role: { host: unknown } }).role.host
    const read = host.parse(raw)
    if ('problems' in read) throw new Error(JSON.stringify(read.problems))
    const plan = planHost({ goal: 'run', self, peers: [], memory: {} }, read.config as never)
    expect(plan.map(step => step.what)).toMatchSnapshot()
  })

  it.each(blocks.filter(isFile))('define services: $code', ({ language, code }) => {
    expect(parseServiceFile(`backup.${language}`, code)).toEqual({
      value: [
        {
          id: 'backup',
          name: 'backup',
          tags: [],
          address: '',
          port: 0,
          meta: {},
          checks: [
            {
              id: 'service:backup',
              name: "Service 'backup' check",
              kind: 'ttl',
              ttl: 26 * 3_600_000,
              timeout: 10_000,
              notes: 'the nightly job reports here',
              initial: 'passing',
            },
          ],
        },
      ],
    })
  })
})
