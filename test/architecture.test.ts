import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'

/**
 * Who may import whom: reading this table is reading the architecture. `types` means `import type` only;
 * `lazy` means dynamic import only.
 */
const rooms: Record<string, Record<string, 'any' | 'types' | 'lazy'>> = {
  base: {},
  raft: { base: 'any' },
  swim: { base: 'any' },
  state: { base: 'any' },
  cluster: { base: 'any', state: 'any' },
  snapshot: { base: 'any', state: 'any' },
  net: { base: 'any', raft: 'types', swim: 'types' },
  store: { base: 'any', raft: 'types', state: 'types', cluster: 'types' },
  roles: { base: 'any', state: 'types' },
  api: { base: 'any', state: 'types' },
  client: { base: 'any', api: 'types', state: 'types', snapshot: 'types', commands: 'lazy' },
  dashboard: { base: 'any', client: 'any', api: 'types' },
  commands: {
    base: 'any',
    client: 'any',
    api: 'types',
    dashboard: 'any',
    agent: 'lazy',
    snapshot: 'lazy',
  },
  agent: {
    base: 'any',
    snapshot: 'any',
    raft: 'any',
    swim: 'any',
    state: 'any',
    cluster: 'any',
    net: 'any',
    store: 'any',
    roles: 'any',
    api: 'any',
  },
}

const pure = ['base', 'raft', 'swim', 'state', 'cluster']

/** What the compiler lets through in pure rooms, and what is banned there all the same. */
const banned = [
  /\bDate\.now\b/,
  /\bnew Date\b/,
  /\bMath\.random\b/,
  /\basync\b/,
  /\bawait\b/,
  /\btry\s*\{/,
]

/** Where a pure room has to look at something that may not parse. */
const mayTry = new Set(['base/toml.ts'])

/** Libraries that only compute. */
const pureLibraries = new Set(['zod/mini', 'smol-toml'])

const src = join(import.meta.dirname, '../src')

interface Import {
  readonly file: string
  readonly target: string
  readonly how: 'any' | 'types' | 'lazy'
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(f => /\.tsx?$/.test(f))

function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), 'utf8')
  const out: Import[] = []
  const statement =
    /^\s*(?:import|export)\s+(type\s)?[^'"]*?from\s+['"]([^'"]+)['"]|^\s*import\s+['"]([^'"]+)['"]/gm
  for (const [, type, from, bare] of text.matchAll(statement)) {
    out.push({ file, target: (from ?? bare)!, how: type ? 'types' : 'any' })
  }
  for (const [, target] of text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)) {
    out.push({ file, target: target!, how: 'lazy' })
  }
  return out
}

function roomOf(file: string): string {
  return file.split('/')[0]!
}

describe('the house', () => {
  it('has a line in the table for each room', () => {
    const found = [...new Set(files.map(roomOf))].sort()
    expect(found).toEqual(Object.keys(rooms).sort())
  })

  it('lets nobody import whom the table does not name', () => {
    const wrong: string[] = []
    for (const { file, target, how } of files.flatMap(importsOf)) {
      if (!target.startsWith('.')) continue
      const to = roomOf(relative(src, join(src, file, '..', target)))
      const from = roomOf(file)
      if (to === from || to === '..') continue
      // Shapes of the API and the limits that belong to them.
      if (target.endsWith('/api/types.ts') && rooms[from]?.api === 'types') continue
      const allowed = rooms[from]?.[to]
      const fine =
        allowed === 'any' || (allowed !== undefined && (how === 'types' || allowed === how))
      if (!fine) wrong.push(`${file} imports ${target} (${how})`)
    }
    expect(wrong).toEqual([])
  })

  it('keeps the world out of the pure rooms', () => {
    const wrong: string[] = []
    for (const file of files.filter(f => pure.includes(roomOf(f)))) {
      for (const { target } of importsOf(file)) {
        if (!target.startsWith('.') && !pureLibraries.has(target))
          wrong.push(`${file} imports ${target}`)
      }
      const code = readFileSync(join(src, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
      for (const word of banned) {
        if (word.test(code) && !mayTry.has(file)) wrong.push(`${file}: ${word.source}`)
      }
    }
    expect(wrong).toEqual([])
  })

  it('gives roles no hands but those that are lent', () => {
    const wrong = files
      .filter(f => roomOf(f) === 'roles')
      .flatMap(importsOf)
      .filter(i => i.target.startsWith('node:'))
      .map(i => `${i.file} imports ${i.target}`)
    expect(wrong).toEqual([])
  })

  it('keeps time and chance out of what runs in the simulator', () => {
    const simulated = files.filter(
      f =>
        ['agent', 'net'].includes(roomOf(f)) &&
        !/real-|doctor-offline|name-cache|main\.ts|host-hands|role-memory|load-config|trace\.ts/.test(
          f,
        ),
    )
    const wrong = simulated.flatMap(file => {
      const code = readFileSync(join(src, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
      return [
        /\bsetTimeout\b/,
        /\bsetInterval\b/,
        /\bsetImmediate\b/,
        /\bDate\.now\b/,
        /\bMath\.random\b/,
        /\bperformance\b/,
      ]
        .filter(word => word.test(code))
        .map(word => `${file}: ${word.source}`)
    })
    expect(wrong).toEqual([])
  })

  it('knows no path of the machine it was written on', () => {
    const leaks = /[/](home|root|Users)[/]/
    const wrong = files.filter(f => leaks.test(readFileSync(join(src, f), 'utf8')))
    expect(wrong).toEqual([])
  })
})
