import { describe, expect, test } from 'vitest'
import type { LoggedEvent } from '../../src/client/agent-client.ts'
import { namesIn, renderEvent } from '../../src/client/event-text.ts'
import { plain } from '../../src/client/paint.ts'
import { healthyReport, nodeNamed } from '../support/reports.ts'

const id = (name: string) => nodeNamed(name).id

function told(type: string, data: unknown, actor = 'root@h1'): string {
  const event = { seq: 1, term: 1, epoch: 1, time: 0, actor, type, data } as LoggedEvent
  const line = renderEvent(event, namesIn(healthyReport), plain)
  return line.slice(line.indexOf(type) + Math.max(type.length, 19) + 1)
}

describe('an event on a line', () => {
  test.each([
    ['NodeDraining', { id: id('n1'), reason: 'kernel', deadline: 1 }, 'n1, "kernel"'],
    ['NodeDrained', { id: id('n1'), forced: true }, 'n1, by its deadline'],
    ['NodeDrainCancelled', { id: id('n1') }, 'n1'],
    ['NodeFailed', { id: id('n1'), accusers: [id('n2'), id('n3')] }, 'n1, accused by n2, n3'],
    ['NodeLeft', { id: id('n1'), reason: 'asked to leave' }, 'n1, asked to leave'],
    ['RoleAssigned', { id: id('n1'), roles: ['host', 'dns'] }, 'n1: host, dns'],
    [
      'RoleReported',
      { id: id('n1'), role: 'dns', state: 'failed', detail: 'no port' },
      'n1: dns failed, no port',
    ],
    ['KvPut', { key: 'a/b', value: 'eA==', flags: 0 }, 'a/b'],
    ['KvPut', { key: 'a', value: 'eA==', flags: 0, cas: 0 }, 'a, if it was absent'],
    ['KvDelete', { key: 'a/', recurse: true }, 'a/*'],
    ['KvDelete', { key: 'a', cas: 17 }, 'a, if it was of index 17'],
    ['SettingsChanged', { settings: { a: '1', b: '' } }, 'a = 1, b: the default'],
    ['VotersChanged', { voters: [id('n2'), id('n1')], observers: [] }, 'voters n1 n2'],
  ])('%s', (type, data, text) => expect(told(type, data)).toBe(`${text}   by root@h1`))

  test('who did it is named, also when it was a node', () => {
    expect(told('NodeReady', { id: id('n2') }, `node:${id('n2')}`)).toBe('n2   by node n2')
  })

  test('a node that nobody introduced is shown by the beginning of its id', () => {
    expect(told('NodeReady', { id: id('n99') })).toBe('01900000   by root@h1')
  })

  test('nodes are known from the event that brings them on', () => {
    const names = new Map<string, string>()
    const base = { seq: 1, term: 1, epoch: 1, time: 0, actor: 'a' }
    const admitted = { ...base, type: 'NodeAdmitted', data: { node: nodeNamed('n7') } } as const
    const ready = { ...base, type: 'NodeReady', data: { id: id('n7') } } as const
    expect(renderEvent(ready, names, plain)).toContain('01900000   by a')
    renderEvent(admitted, names, plain)
    expect(renderEvent(ready, names, plain)).toContain('n7   by a')
  })

  test.each([[null], ['text'], [[]], [{}], [{ id: 7, node: 'x', control: [1], roles: 'y' }]])(
    'data of a shape that is not known here: %j',
    data => {
      const types = [
        'ClusterInitialised',
        'NodeAdmitted',
        'NodeFailed',
        'RoleAssigned',
        'KvPut',
        'NewType',
      ]
      for (const type of types) {
        expect(told(type, data)).toMatch(/by root@h1$/)
        expect(told(type, data)).not.toMatch(/undefined|null|object Object/)
      }
    },
  )

  test('nothing in it moves the cursor or breaks the line', () => {
    expect(told('NodeLeft', { id: 'x\u001b[2J', reason: 'a\nb' })).toBe('x�[2J, a b   by root@h1')
  })
})
