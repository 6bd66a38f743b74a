import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lineOf, parseToml } from '../../src/base/toml.ts'

const text = `# a comment = not a key
name = "n1"
motto = """
dc = "not here"
[nor.here]
"""
dc = "here"
list = [
  "a=1", # ]
  "[x]",
]
after = { in = 1, line = 2 }

[role.host]
files = []
"quoted key".inner = 1

[[role.host.service]]
name = "a"
[[role.host.service]]
name = "b"
  [role.host.service.check]
  tcp = "x"
[[role.host.service.checks]]
[[role.host.service.checks]]
data_dir = 1
`

describe('the line of a key in TOML', () => {
  it.each([
    ['name', 2],
    ['motto', 3],
    ['dc', 7],
    ['list', 8],
    ['list[1]', 8],
    ['after', 12],
    ['after.in', 12],
    ['role', 14],
    ['role.host', 14],
    ['role.host.files', 15],
    ['role.host.quoted key.inner', 14],
    ['role.host."quoted key".inner', 16],
    ['role.host.service[0].name', 19],
    ['role.host.service[1].name', 21],
    ['role.host.service[1].check.TCP', 23],
    ['role.host.service[1].Checks[1].DataDir', 26],
    ['role.host.service[1].checks[1].unknown', 25],
    ['nothing', undefined],
  ])('%s is %s', (path, line) => {
    expect(parseToml(text)).toHaveProperty('value')
    expect(lineOf(text, path)).toBe(line)
  })

  it('is on the line that holds the key, whatever else the file holds', () => {
    const key = fc.stringMatching(/^[a-z]{1,8}$/)
    const value = fc.oneof(
      fc.nat().map(String),
      fc.constantFrom(
        '"x = 1"',
        "'[y]'",
        '"""\nz = 1\n"""',
        '[\n1,\n2\n]',
        '{ a = 1 }',
        '["]", "#"]',
      ),
    )
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(key, value), { selector: ([k]) => k }), pairs => {
        let line = 1
        const expected = new Map<string, number>()
        const parts = pairs.map(([k, v]) => {
          expected.set(k, line)
          line += v.split('\n').length
          return `${k} = ${v}`
        })
        for (const [k, at] of expected) expect([k, lineOf(parts.join('\n'), k)]).toEqual([k, at])
      }),
    )
  })

  it('is found or not, but never throws', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (some, path) => void lineOf(some, path)))
  })
})

describe('TOML', () => {
  it('says line and column of what is broken', () => {
    expect(parseToml('a = 1\nb = [1,\n')).toMatchObject({
      problems: [{ key: '', line: expect.any(Number) }],
    })
    expect(parseToml('a = 1\na = 2\n')).toMatchObject({ problems: [{ line: 2 }] })
  })

  it('is broken or not, but never throws', () => {
    fc.assert(fc.property(fc.string(), some => void parseToml(some)))
  })
})
