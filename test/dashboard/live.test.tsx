import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { renderToString } from 'ink'
import { expect, test } from 'vitest'
import { Dashboard } from '../../src/dashboard/panels.tsx'
import { type Frame, StatusSource } from '../../src/dashboard/source.ts'
import { expectGolden } from '../support/golden.ts'
import { healthyReport, noQuorumReport, troubledReport } from '../support/reports.ts'

const frames: Record<string, Frame> = {
  'live-troubled': { report: troubledReport, problem: null, footer: [] },
  'live-no-answer': {
    report: noQuorumReport,
    problem: 'no agent answers at .hive/n1/agent.sock',
    footer: [],
  },
  'live-first': { report: null, problem: 'no agent answers', footer: ['asking …'] },
  'live-dev': {
    report: healthyReport,
    problem: null,
    footer: ['n2 was ended by SIGKILL; press r to start it again', 'Ctrl-C here stops it all.'],
  },
}

test.each(Object.entries(frames))('%s', (name, frame) => {
  const text = renderToString(<Dashboard frame={frame} width={80} />, { columns: 80 })
  const bare = stripVTControlCharacters(text)
  expectGolden(join(import.meta.dirname, 'testdata', `${name}.txt`), bare)
})

test('a failure keeps the last report, and says why there is no newer one', async () => {
  const answers = [
    () => healthyReport,
    () => Promise.reject(new Error('away')),
    () => troubledReport,
  ]
  const source = new StatusSource(async () => answers.shift()!())
  expect(await source.next()).toMatchObject({ report: healthyReport, problem: null })
  expect(await source.next()).toMatchObject({ report: healthyReport, problem: 'away' })
  expect(await source.next()).toMatchObject({ report: troubledReport, problem: null })
  expect(source.last).toBe(troubledReport)
})
