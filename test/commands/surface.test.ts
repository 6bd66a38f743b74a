import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commands } from '../../src/commands/index.ts'
import { expectGolden } from '../support/golden.ts'

/** What operators and their scripts rely on: a name that goes away or changes its kind shows in review. */
test('the command surface', () => {
  const lines = Object.entries(commands).flatMap(([id, command]) => {
    const flags = {
      ...(command.enableJsonFlag && { json: null }),
      ...command.baseFlags,
      ...command.flags,
    }
    const args = Object.entries(command.args).map(([name, arg]) => {
      const many = arg.multiple ? '…' : ''
      return arg.required ? `${name}${many}` : `[${name}${many}]`
    })
    return [
      ['hive', ...id.split(':'), ...args].join(' '),
      ...[...command.aliases, ...command.hiddenAliases].map(alias => `  also: hive ${alias}`),
      ...Object.entries(flags)
        .sort()
        .map(([name, flag]) => `  ${flagText(name, flag)}`),
    ]
  })
  expectGolden(join(import.meta.dirname, 'surface.txt'), lines.join('\n'))
})

interface Flag {
  readonly type: string
  readonly char?: string
  readonly multiple?: boolean
  readonly allowNo?: boolean
  readonly description?: string
}

function flagText(name: string, given: unknown): string {
  const flag = given as Flag | null
  const char = flag?.char ? `-${flag.char} ` : ''
  const value = flag?.type === 'option' ? (flag.multiple ? ' VALUE …' : ' VALUE') : ''
  return `${char}--${flag?.allowNo ? '[no-]' : ''}${name}${value}`
}

describe.each(Object.entries(commands))('%s', (_, command) => {
  test('tells what it is for, shows examples and explains every word', () => {
    expect(command.summary).toMatch(/^[A-Z].*\.$/)
    expect(command.examples?.length).toBeGreaterThan(0)
    const words = [
      ...Object.entries({ ...command.baseFlags, ...command.flags }),
      ...Object.entries(command.args),
    ]
    for (const [name, word] of words) {
      expect((word as unknown as Flag).description, name).toMatch(/^[A-Za-z].*[.)]$/)
    }
  })
})
