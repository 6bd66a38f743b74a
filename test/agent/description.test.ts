import { expect, test } from 'vitest'
import { description } from '../../src/agent/desk/description.ts'
import { MalformedError } from '../../src/base/bytes.ts'

/**
 * What a node says of itself ends up in notices, lists and errors on operators' terminals, also when it is refused: so
 * none of it may move a cursor, and a joiner with a wrong token may not write a line of `hive status`.
 */

const honest = {
  id: '01980000-0000-7000-9000-000000000001',
  name: 'n1',
  address: { host: '10.0.0.1', port: 4483 },
  dc: 'dc1',
  version: '0.1.0-beta.2+7',
  incarnation: 1,
  roles: ['host', 'kv'],
}

test('what nodes say is taken', () => {
  expect(description(honest)).toEqual(honest)
  for (const host of ['fe80::1%eth0', 'n1.example.org', ''])
    expect(description({ ...honest, address: { host, port: 1 } }).address.host).toBe(host)
})

const writes = '\u001b]0;gotcha\u0007'
const lies: readonly [string, object][] = [
  ['a host that writes to the terminal', { address: { host: `10.0.0.1${writes}`, port: 1 } }],
  ['a host of several lines', { address: { host: '10.0.0.1\nn2: all is well', port: 1 } }],
  ['a datacenter that writes to the terminal', { dc: writes }],
  ['a datacenter that turns the text around', { dc: 'dc\u202e1' }],
  ['a version that writes to the terminal', { version: `0.1.0${writes}` }],
  ['a role that writes to the terminal', { roles: [writes] }],
  ['a role as long as a book', { roles: ['x'.repeat(100_000)] }],
  ['a name that writes to the terminal', { name: writes }],
]

test.each(lies)('%s is not', (_, lie) => {
  expect(() => description({ ...honest, ...lie })).toThrow(MalformedError)
})
