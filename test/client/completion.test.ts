import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { completionFor, kindOf, type Surface } from '../../src/client/completion.ts'

const commands: Surface[] = [
  {
    id: 'kv:get',
    summary: "Print a key's value: all of it.",
    flags: [{ name: '--raw', value: false }],
    args: ['none'],
  },
  {
    id: 'kv:put',
    summary: 'Write a key.',
    flags: [{ name: '--cas', value: true, kind: 'none' }],
    args: ['none', 'file'],
  },
  { id: 'status', summary: 'Show [it].', flags: [{ name: '--watch', value: false }], args: [] },
  {
    id: 'assign',
    summary: 'Give roles.',
    flags: [
      { name: '--on', value: true, kind: 'settings' },
      { name: '--how', value: true, kind: ['fast', 'slow'] },
    ],
    args: ['nodes', 'roles'],
    many: true,
  },
]

/** What bash offers for the last word. */
function bashOffers(...words: string[]): string[] {
  const script = `hive() { echo "a-$3 b-$3"; }
    ${completionFor('bash', 'hive', commands)}
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hive_complete; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr } = spawnSync('bash', ['-c', script, 'bash', ...words], { cwd: '/etc' })
  expect(stderr.toString()).toBe('')
  return stdout.toString().trim().split('\n')
}

test.each([
  [
    ['hive', ''],
    ['kv', 'status', 'assign'],
  ],
  [['hive', 'k'], ['kv']],
  [
    ['hive', 'kv', ''],
    ['get', 'put'],
  ],
  [['hive', 'kv', 'put', '-'], ['--cas']],
  [['hive', 'kv', 'put', 'a', '--'], ['--cas']],
  [['hive', 'status', '--w'], ['--watch']],
  [['hive', 'status', 'hostn'], ['']],
  [['hive', 'kv', 'put', 'a', 'hostn'], ['hostname']],
  [['hive', 'kv', 'put', '--cas', '1', 'hostn'], ['']],
  [['hive', 'kv', 'put', '--cas', '1', 'a', 'hostn'], ['hostname']],
  [
    ['hive', 'assign', ''],
    ['a-nodes', 'b-nodes'],
  ],
  [['hive', 'assign', 'n1', 'b'], ['b-roles']],
  [['hive', 'assign', 'n1', 'x', 'y', 'b'], ['b-roles']],
  [['hive', 'assign', 'n1', '--on', 'a'], ['a-settings']],
  [['hive', 'assign', '--how', 'f'], ['fast']],
  [['hive', 'nothing', '--'], ['']],
])('bash: %j', (words, offers) => expect(bashOffers(...words)).toEqual(offers))

test.each(['bash', 'zsh', 'fish'] as const)('%s takes its script', shell => {
  const script = completionFor(shell, 'hive', commands)
  expect(script).toContain(`hive completion ${shell}`)
  const folder = mkdtempSync(join(tmpdir(), 'hive-completion-'))
  const file = join(folder, 'script')
  writeFileSync(file, script)
  const { error, status, stderr } = spawnSync(shell, ['-n', file])
  rmSync(folder, { recursive: true })
  if (error) return // This shell is not installed here.
  expect(stderr.toString()).toBe('')
  expect(status).toBe(0)
})

test('what an argument is follows from its name, and from the command', () => {
  expect(kindOf('drain', 'node')).toBe('nodes')
  expect(kindOf('admit', 'node')).toBe('requests')
  expect(kindOf('agent', 'data-dir')).toBe('file')
  expect(kindOf('join', 'token-file')).toBe('file')
  expect(kindOf('kv:put', 'value')).toBe('none')
  expect(kindOf('why', 'subject')).toBe('subjects')
  expect(kindOf('agent', 'log-level')).toContain('debug')
})

test('a first word that is no command is told by what its commands are about', () => {
  const topics = new Map([['kv', 'Keep small values.']])
  expect(completionFor('zsh', 'hive', commands, topics)).toContain("'kv:Keep small values.'")
  expect(completionFor('fish', 'hive', commands, topics)).toContain("-a kv -d 'Keep small values.'")
})
