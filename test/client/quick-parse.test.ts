import { Parser } from '@oclif/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Args, type Flags, NeedOclif } from '../../src/client/quick/definition.ts'
import { type Parsed, parseQuick } from '../../src/client/quick/parse.ts'
import { commands } from '../../src/commands/index.ts'

/**
 * The fast start reads a command line itself or leaves it to oclif. Whenever it reads it, it must come to what
 * oclif comes to: for every command, with every word that could matter.
 */
type Definitions = { flags: Flags; args: Args }

function definitionsOf(command: (typeof commands)[keyof typeof commands]): Definitions {
  const json = command.enableJsonFlag ? { json: { type: 'boolean' } } : {}
  const flags = { ...json, ...command.baseFlags, ...command.flags }
  return {
    flags: marked(flags as unknown as Record<string, object>) as Flags,
    args: command.args as Args,
  }
}

/** oclif's integer flags are told by their parser; in the bundle the stand-in marks them. */
function marked(flags: Record<string, object>): Record<string, object> {
  return Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => {
      const integer = 'min' in flag || 'max' in flag
      return [name, integer ? { ...flag, integer } : flag]
    }),
  )
}

function quickly(argv: readonly string[], { flags, args }: Definitions): Parsed | undefined {
  try {
    return parseQuick(argv, flags, args)
  } catch (error) {
    if (error instanceof NeedOclif) return undefined
    throw error
  }
}

async function byOclif(argv: readonly string[], { flags, args }: Definitions): Promise<Parsed> {
  // biome-ignore lint/suspicious/noExplicitAny: the definitions are oclif's own, seen through our type
  const parsed = await Parser.parse([...argv], { flags, args, strict: true } as any)
  return { flags: parsed.flags, args: parsed.args }
}

const plainWords = [
  'n1',
  'key',
  '-',
  '--',
  '-x',
  '0',
  '7',
  '-5',
  '5m',
  '',
  'a=b',
  '--unknown',
  'bash',
]

/** Words made of this command's own flags, right, nearly right and wrong. */
function wordsFor({ flags }: Definitions): fc.Arbitrary<string[]> {
  const own = Object.entries(flags).flatMap(([name, flag]) => [
    `--${name}`,
    `--${name}=7`,
    `--no-${name}`,
    `--${name}x`,
    ...(flag.char ? [`-${flag.char}`, `-${flag.char}7`] : []),
  ])
  return fc.array(fc.constantFrom(...plainWords, ...own), { maxLength: 6 })
}

describe.each(Object.entries(commands))('%s', (_, command) => {
  const definitions = definitionsOf(command)

  test('reads what oclif reads', async () => {
    await fc.assert(
      fc.asyncProperty(wordsFor(definitions), async argv => {
        const quick = quickly(argv, definitions)
        if (quick !== undefined) expect(quick).toEqual(await byOclif(argv, definitions))
      }),
      { numRuns: 150 },
    )
  })
})

test('the ordinary command lines are not left to oclif', () => {
  const ordinary: [keyof typeof commands, string][] = [
    ['status', ''],
    ['status', '--json --socket a.sock'],
    ['status', '-w'],
    ['kv:get', 'a/b --raw'],
    ['kv:put', 'a - --cas=0'],
    ['role:assign', 'n1 host dns'],
    ['drain', 'n1 --no-wait --deadline 5m --reason x'],
    ['agent', '--name n1 --join a:1 --join b:1 --role host'],
    ['log', '-f --from 10'],
  ]
  for (const [id, line] of ordinary) {
    const argv = line.split(' ').filter(Boolean)
    expect(quickly(argv, definitionsOf(commands[id])), `${id} ${line}`).toBeDefined()
  }
})
