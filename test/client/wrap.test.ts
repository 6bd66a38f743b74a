import { expect, test } from 'vitest'
import { type Entry, laidOut, terminalWidth } from '../../src/client/wrap.ts'

const plain = (text: string) => text
const entry = (head: string, text: string, by: string): Entry => ({
  ...{ head, painted: head },
  pieces: [
    { text, tone: 'plain' },
    { text: by, tone: 'dim', whole: true },
  ],
})

test('what does not go to a terminal is one line', () => {
  const line = laidOut(entry('   1  ', 'word '.repeat(60).trim(), 'by me'), undefined, plain)
  expect(line.split('\n')).toEqual([`   1  ${'word '.repeat(60)}  by me`])
})

test('words stay whole, later lines begin under the first, and who did it is not torn apart', () => {
  expect(laidOut(entry('  1  ', 'voters n1 n2 n3 n4 observers', 'by node n2'), 46, plain)).toBe(
    '  1  voters n1 n2 n3 n4 observers   by node n2',
  )
  expect(laidOut(entry('  1  ', 'voters n1 n2 n3 n4 observers', 'by node n2'), 45, plain)).toBe(
    '  1  voters n1 n2 n3 n4 observers\n     by node n2',
  )
})

test('where little room is left beside the head, later lines begin further left', () => {
  const head = ' '.repeat(50)
  const text = 'one two three four five six seven eight'
  expect(laidOut(entry(head, text, 'by me'), 80, plain).split('\n')).toEqual([
    `${head}one two three four five six`,
    `${' '.repeat(30)}seven eight   by me`,
  ])
})

test('a word longer than the line is left to the terminal, and no line is lost', () => {
  const long = 'k'.repeat(100)
  const text = laidOut(entry('  1  ', `a ${long} b`, 'by me'), 60, plain)
  expect(text.split('\n').map(line => line.trim())).toEqual(['1  a', long, 'b   by me'])
  expect(laidOut(entry('  1  ', '', 'by me'), 60, plain)).toBe('  1  by me')
})

test('colours take no room', () => {
  const shout = (text: string) => `<b>${text}</b>`
  const lines = laidOut(entry('  1  ', 'a'.repeat(20), 'by me'), 45, shout).split('\n')
  expect(lines).toEqual([`  1  <b>${'a'.repeat(20)}</b>   <b>by me</b>`])
})

test('a pipe has no width', () => {
  expect(terminalWidth({ isTTY: true, columns: 80 })).toBe(80)
  expect(terminalWidth({ columns: 80 })).toBeUndefined()
})
