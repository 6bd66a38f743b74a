import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { served } from '../api/served.ts'
import { type Bundled, bundled } from '../support/bundled.ts'
import {
  answerText,
  readConversation,
  rewriting,
  type Turn,
  wordsOf,
  writeConversation,
} from '../support/conversation.ts'
import { runScript } from '../support/run.ts'
import { failWith, stages } from './stages.ts'

/**
 * What an operator types and reads. Each conversation is held twice, with the bundle that starts fast and with
 * oclif itself: both must say the same, and what the file says.
 */
const testdata = join(import.meta.dirname, 'testdata')
let cli: Bundled
beforeAll(async () => {
  cli = await bundled()
  writeFileSync(join(cli.folder, 'bin/oclif.js'), startOclif)
})
afterAll(() => cli.remove())

const startOclif = "require('../dist/oclif.cjs').start(process.argv.slice(2))"

describe.each(['hive.js', 'oclif.js'])('%s', script => {
  test.each(readdirSync(testdata))('%s', async file => {
    const path = join(testdata, file)
    const turns = readConversation(path)
    const held = await hold(turns, join(cli.folder, 'bin', script))
    if (rewriting) writeConversation(path, held)
    else expect(held).toEqual(turns)
  })
})

async function hold(turns: readonly Turn[], script: string): Promise<Turn[]> {
  const folder = mkdtempSync(join(tmpdir(), 'hive-talk-'))
  const agent = await served()
  const env: Record<string, string> = { HOME: folder, HIVE_SOCKET: agent.path }
  let stdin = ''
  const hide = (text: string) =>
    text
      .replaceAll(agent.path, 'SOCKET')
      .replaceAll(folder, 'HOME')
      .replaceAll(`${userInfo().username}@${hostname()}`, 'USER@HOST')
  const stage = (text: string) => {
    const [word = '', name = '', ...rest] = text.split(' ')
    if (word === 'file') writeFileSync(join(folder, name), rest.join(' ').replaceAll('\\n', '\n'))
    else if (word === 'bytes') writeFileSync(join(folder, name), bytes(Number(rest[0])))
    else if (word === 'stdin') stdin = text.slice(6)
    else if (word === 'unset') delete env[name]
    else if (word === 'env') env[name] = rest.join(' ')
    else if (word === 'fails') failWith(agent.backend, text.slice(6))
    else if (stages[text]) stages[text]!(agent.backend)
    else throw new Error(`no such stage: ${text}`)
  }
  const command = async (text: string): Promise<string> => {
    if (text === 'asked') {
      const asked = agent.backend.calls.splice(0).map(call => JSON.stringify(call))
      return hide([...asked, '=> 0'].join('\n'))
    }
    const ran = await runScript(script, wordsOf(text).slice(1), { env, cwd: folder, stdin })
    stdin = ''
    return answerText(ran, hide)
  }
  try {
    const held: Turn[] = []
    for (const turn of turns) {
      if (turn.kind === 'stage') stage(turn.text)
      const answer = turn.kind === 'command' ? await command(turn.text) : ''
      held.push({ ...turn, answer })
    }
    return held
  } finally {
    await agent.close()
    rmSync(folder, { recursive: true })
  }
}

function bytes(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => 255 - (i % 256))
}
