import fc from 'fast-check'
import { expect, test } from 'vitest'
import { paintLine, plain } from '../../src/client/paint.ts'
import { type Column, tableOf } from '../../src/dashboard/table.ts'

const word = (most: number) =>
  fc.integer({ min: 1, max: most }).map(n => 'abcdefgh'.repeat(5).slice(0, n))

const columnArb: fc.Arbitrary<Column> = fc.record({
  title: word(8),
  least: fc.integer({ min: 1, max: 12 }),
  expendable: fc.integer({ min: 0, max: 3 }),
})

const tableArb = fc.array(columnArb, { minLength: 1, maxLength: 8 }).chain(columns =>
  fc.record({
    columns: fc.constant(columns),
    rows: fc.array(
      fc.array(word(40), {
        minLength: columns.length,
        maxLength: columns.length,
      }),
      { maxLength: 6 },
    ),
    width: fc.integer({ min: 20, max: 160 }),
  }),
)

function linesOf(columns: readonly Column[], rows: string[][], width: number): string[] {
  const cells = rows.map(row => row.map(text => ({ text, tone: 'plain' as const })))
  return tableOf(columns, cells, width).map(line => paintLine(line, plain))
}

test('a table fits its width whenever what may not be left out does', () => {
  fc.assert(
    fc.property(tableArb, ({ columns, rows, width }) => {
      const kept = columns.filter(column => column.expendable === 0)
      const least = kept.reduce((sum, c) => sum + Math.max(c.least, 0) + 2, 0)
      fc.pre(least <= width)
      for (const line of linesOf(columns, rows, width))
        expect(line.length).toBeLessThanOrEqual(width)
    }),
    { numRuns: 300 },
  )
})

test('a table that fits is not cut', () => {
  fc.assert(
    fc.property(tableArb, ({ columns, rows }) => {
      const [heading = '', ...lines] = linesOf(columns, rows, 10_000)
      for (const { title } of columns) expect(heading).toContain(title)
      for (const [i, row] of rows.entries()) {
        for (const text of row) expect(lines[i]).toContain(text)
      }
    }),
    { numRuns: 100 },
  )
})
