import { expect, test } from 'vitest'
import { parseAddress } from '../../src/base/address.ts'

test.each([
  ['n1.example', 'n1.example', 4483],
  ['n1.example:1', 'n1.example', 1],
  ['10.0.0.1:7', '10.0.0.1', 7],
  ['fe80::1%eth0', 'fe80::1%eth0', 4483],
  ['::1', '::1', 4483],
  ['[fd00::2]:9', 'fd00::2', 9],
  ['[fd00::2]', 'fd00::2', 4483],
])('%s', (text, host, port) => {
  expect(parseAddress(text, 4483)).toEqual({ host, port })
})

test.each(['', ':1', 'a b', 'n1:x', 'n1:65536', 'foo:bar:baz', 'n1:1:2', 'http://n1', '[n1]:1'])(
  '"%s" is no address',
  text => {
    expect(parseAddress(text, 4483)).toMatchObject({ message: expect.stringContaining(text) })
  },
)
