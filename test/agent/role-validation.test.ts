import { expect, test } from 'vitest'
import { roleValidation } from '../../src/agent/roles/role-validation.ts'
import type { Hello } from '../../src/net/handshake.ts'
import type { Newcomer, Role, Welcome } from '../../src/roles/role.ts'

const hello: Hello = {
  ...{ protocolMin: 1, protocolMax: 1, version: '0.1.0', id: 'id', name: 'n9', incarnation: 1 },
  ...{ address: { host: '10.0.0.9', port: 4483 }, roles: ['dns'], dc: 'west', busy: false },
  proof: { secret: 'not for roles' },
}

const errors: unknown[] = []
const trace = { error: (fields: unknown) => errors.push(fields) } as never

function asked(validate: ((peer: Newcomer) => Welcome) | undefined) {
  const role = { name: 'zones', ...(validate && { validate }) } as unknown as Role
  return roleValidation(role, trace)(hello, { host: '10.0.0.9', port: 1 })
}

test('a role sees who comes, without its proofs, and its word counts', () => {
  let seen: Newcomer | undefined
  const accept = asked(peer => {
    seen = peer
    return { answer: 'accept' }
  })
  expect(accept).toEqual({ outcome: 'welcome' })
  expect(seen).toEqual({
    ...{ id: 'id', name: 'n9', address: '10.0.0.9:4483', dc: 'west', version: '0.1.0' },
    ...{ roles: ['dns'], tag: null },
  })
  expect(asked(() => ({ answer: 'busy', reason: 'moving' }))).toEqual({
    outcome: 'busy',
    reason: 'role zones: moving',
  })
  const no = { answer: 'reject', code: 'REFUSED', reason: 'west is closed' } as const
  expect(asked(() => no)).toEqual({
    ...{ outcome: 'rejected', code: 'REFUSED', reason: 'role zones: west is closed' },
  })
  expect(asked(undefined)).toEqual({ outcome: 'welcome' })
})

test('a role that throws closes no link, and is named in the trace', () => {
  const broken = asked(() => {
    throw new Error('no map')
  })
  expect(broken).toEqual({ outcome: 'welcome' })
  expect(errors).toMatchObject([{ role: 'zones' }])
})
