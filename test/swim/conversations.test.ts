import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Conversation } from './conversation.ts'

/**
 * Each file is a conversation: remarks (#), commands, `----`, and what the node did. With REWRITE=1
 * the answers are written anew; review the difference like prose.
 */
const folder = new URL('./testdata/', import.meta.url)

describe('conversations', () => {
  for (const file of readdirSync(folder)) {
    test(file.replace('.txt', '').replaceAll('-', ' '), () => {
      const path = new URL(file, folder)
      const written = readFileSync(path, 'utf8')
      const held = hold(written)
      if (process.env.REWRITE) writeFileSync(path, held)
      else expect(held).toBe(written)
    })
  }
})

function hold(text: string): string {
  const conversation = new Conversation()
  const blocks = text.trimEnd().split('\n\n')
  return `${blocks.map(block => answer(conversation, block)).join('\n\n')}\n`
}

function answer(conversation: Conversation, block: string): string {
  const [asked = ''] = block.split(/\n----(?:\n|$)/)
  const commands = asked.split('\n').filter(line => !line.startsWith('#'))
  if (commands.length === 0) return block
  const answers = commands.map(line => conversation.say(line)).filter(said => said !== 'nothing')
  return `${asked}\n----\n${answers.length === 0 ? 'nothing' : answers.join('\n')}`
}
