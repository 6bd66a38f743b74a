import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Conversation } from './conversation.ts'

// Blocks of commands and what the state said to them. `REWRITE=1 npx vitest run test/state` writes
// down what it says now: read the difference as prose before committing it.

const folder = new URL('testdata/', import.meta.url)

test.each(readdirSync(folder))('%s', name => {
  const file = new URL(name, folder)
  const written = readFileSync(file, 'utf8')
  const now = replay(written)
  if (process.env.REWRITE) writeFileSync(file, now)
  else expect(now).toBe(written)
})

/** Lines that begin with `#` are for the reader. */
function replay(text: string): string {
  const conversation = new Conversation()
  const blocks = text.trimEnd().split(/\n\n+/)
  return `${blocks.map(block => replayBlock(block, conversation)).join('\n\n')}\n`
}

function replayBlock(block: string, conversation: Conversation): string {
  const end = block.split('\n').indexOf('----')
  const commands = end < 0 ? block.split('\n') : block.split('\n').slice(0, end)
  const spoken = commands.filter(line => !line.startsWith('#'))
  if (spoken.length === 0) return commands.join('\n')
  const answers = spoken.map(line => conversation.say(line))
  return [...commands, '----', ...answers].join('\n')
}
