import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeDoor, doorsOf, type Surroundings } from '../../src/client/door.ts'

let cwd: string
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'hive-door-'))
  for (const name of ['n10', 'n2', 'n1']) mkdirSync(join(cwd, '.hive', name), { recursive: true })
})
afterAll(() => rmSync(cwd, { recursive: true }))

const around = (given: Partial<Surroundings> = {}): Surroundings => ({
  env: {},
  cwd: '/nowhere',
  home: '/home/me',
  ...given,
})

function found(asked: Parameters<typeof doorsOf>[0], where: Surroundings): string[] {
  return doorsOf(asked, where).map(describeDoor)
}

const everything = { HIVE_SOCKET: '/s', HIVE_HTTP_ADDR: 'h:1', HIVE_DATA_DIR: '/d' }

describe('who names a door gets that one only', () => {
  test.each([
    [{ socket: 'a.sock', address: undefined }, everything, ['a.sock']],
    [{ address: '10.0.0.1' }, everything, ['10.0.0.1:4480']],
    [{ address: 'http://[::1]:80/' }, everything, ['[::1]:80']],
    [{}, everything, ['/s']],
    [{}, { ...everything, HIVE_SOCKET: '' }, ['h:1']],
    [{}, { HIVE_DATA_DIR: '/d' }, ['/d/agent.sock']],
  ])('%o with %o', (asked, env, doors) => {
    expect(found(asked, around({ env }))).toEqual(doors)
  })
})

test('otherwise: a dev cluster here, the user’s agent, the system’s', () => {
  expect(found({}, around())).toEqual([
    '/home/me/.local/share/hive/agent.sock',
    '/var/lib/hive/agent.sock',
  ])
  expect(found({}, around({ cwd, home: undefined }))).toEqual([
    join(cwd, '.hive/n1/agent.sock'),
    join(cwd, '.hive/n2/agent.sock'),
    join(cwd, '.hive/n10/agent.sock'),
    '/var/lib/hive/agent.sock',
  ])
})

test('an address that is none is refused by the name of where it came from', () => {
  const env = { HIVE_HTTP_ADDR: 'here:99999' }
  expect(() => found({}, around({ env }))).toThrow(/^HIVE_HTTP_ADDR "here:99999"/)
  expect(() => found({ address: ':80' }, around())).toThrow(/^--address ":80"/)
})
