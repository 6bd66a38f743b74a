/**
 * Every file of `testdata/` is a conversation: a command (or several, one a line), a line `----`,
 * what came of it, an empty line. Lines that begin with `#` are prose. `REWRITE=1` writes what came
 * of it into the files; then read the difference.
 *
 * Commands (options are `key=value`; `log=none` says nothing):
 *
 * - `add-nodes N`: voters 1 to N of a new group (`inflight=`, `bytes=`, `uncommitted=`);
 *   `add-joiner ID`: a node that knows of nobody (`lineage=`: of that rescued group)
 * - `campaign ID`: time passes until its election timer runs out; `advance MS` and `tick [ID…]`:
 *   time passes, and then the nodes hear of it; `elapse MS [ID…]`: time passes as in life
 * - `propose ID TEXT…`, `change ID voters= learners=`, `transfer ID TO`, `read-index ID CONTEXT`,
 *   `suspect ID`, `step-down ID`, `rescue ID LINEAGE`
 * - `ready [ID…]`, `persist [ID…]`, `deliver [TO…] [type=] [from=] [count=]`, `drop …` likewise;
 *   `stabilize [ID…]`: all of these until nothing is left to do
 * - `partition ID…`: cut off from the rest; `heal`
 * - `crash ID`: forgets what was not persisted; `restart ID`
 * - `compact ID INDEX`, `send-snapshot ID TO [ok=false]`
 * - `raise ID TERM`: its disk says that it has seen that term
 * - `status [ID…]`, `log [ID…]`, `network`
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Interaction } from './interaction.ts'

const folder = new URL('testdata/', import.meta.url)

/** What the file should say. */
export function converse(text: string): string {
  const interaction = new Interaction()
  const out: string[] = []
  for (const block of text.trimEnd().split(/\n\n+/)) {
    const [input = '', ...rest] = block.split('\n----')
    if (rest.length === 0) {
      out.push(block)
      continue
    }
    const said: string[] = []
    for (const line of input.split('\n')) {
      if (!line.startsWith('#')) said.push(interaction.run(line))
    }
    const worth = said.filter(answer => answer !== 'ok')
    out.push(`${input}\n----\n${worth.length === 0 ? 'ok' : worth.join('\n')}`)
  }
  return `${out.join('\n\n')}\n`
}

for (const name of readdirSync(folder).filter(file => file.endsWith('.txt'))) {
  test(name.replace('.txt', ''), () => {
    const file = new URL(name, folder)
    const text = readFileSync(file, 'utf8')
    const said = converse(text)
    if (process.env.REWRITE) writeFileSync(file, said)
    else expect(said).toBe(text)
  })
}
