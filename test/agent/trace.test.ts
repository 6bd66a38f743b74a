import { closeSync, openSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createTrace } from '../../src/agent/process/trace.ts'

async function traced(level: 'debug' | 'info' | 'silent') {
  const lines: Record<string, unknown>[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
  return { lines, trace: await createTrace(level, { destination, base: { node: 'n1' } }) }
}

describe('the trace', () => {
  it('is one JSON object a line, with level, time and node', async () => {
    const { lines, trace } = await traced('info')
    trace.child({ room: 'api' }).info({ ms: 3 }, 'request')
    expect(lines).toEqual([
      { level: 'info', time: expect.any(String), node: 'n1', room: 'api', ms: 3, msg: 'request' },
    ])
  })

  it('says no more than was asked for', async () => {
    const { lines, trace } = await traced('info')
    trace.debug({}, 'detail')
    trace.warn({}, 'trouble')
    trace.error({ err: new Error('why') }, 'more trouble')
    expect(lines.map(line => line.msg)).toEqual(['trouble', 'more trouble'])
    expect(lines[1]!.err).toMatchObject({ message: 'why' })
    expect(trace.debugging).toBe(false)
    expect((await traced('debug')).trace.debugging).toBe(true)
    const silent = await traced('silent')
    silent.trace.error({}, 'nothing')
    expect(silent.lines).toEqual([])
  })

  it('ends nothing where the disk that it goes to is full', async () => {
    const full = openSync('/dev/full', 'w')
    try {
      const trace = await createTrace('info', { fd: full })
      for (let i = 0; i < 3_000; i++) trace.info({ i, text: 'x'.repeat(200) }, 'and on')
      trace.child({ room: 'api' }).error({}, 'trouble')
    } finally {
      closeSync(full)
    }
  })

  it('keeps secrets to itself', async () => {
    const { lines, trace } = await traced('info')
    trace.info({ secret: 'a', config: { token: 'b', name: 'c' } }, 'configuration')
    expect(lines[0]).toMatchObject({
      secret: '[Redacted]',
      config: { token: '[Redacted]', name: 'c' },
    })
  })
})
