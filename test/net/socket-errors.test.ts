import { expect, test } from 'vitest'
import { bindError } from '../../src/net/socket-errors.ts'

test.each([
  ['EADDRINUSE', '10.0.0.1', 'PORT_IN_USE', /in use by another process/],
  ['EACCES', '10.0.0.1', 'PERMISSION', /forbids/],
  ['EADDRNOTAVAIL', '10.0.0.9', 'BAD_CONFIG', /no such address/],
  ['EAFNOSUPPORT', '::', 'BAD_CONFIG', /\[::\]:4483: this machine has no IPv6/],
  ['EAFNOSUPPORT', '0.0.0.0', 'BAD_CONFIG', /no IPv4/],
  ['ENOTFOUND', 'n1.example', 'BAD_CONFIG', /cannot be resolved/],
  ['EIO', '10.0.0.1', 'INTERNAL', /cannot be used/],
] as const)('%s at %s is %s', (system, host, code, told) => {
  const error = bindError(Object.assign(new Error(system), { code: system }), 'TCP', {
    host,
    port: 4483,
  })
  expect(error).toMatchObject({ code, message: expect.stringMatching(told) })
})
