import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { insecure, staysInside } from '../../src/agent/process/exposure.ts'
import { checkIdentity, type Identity } from '../../src/agent/trust/identity.ts'
import { identityFile } from '../../src/agent/trust/identity-file.ts'
import { readSecret } from '../../src/agent/trust/secret.ts'
import { OperatorError } from '../../src/base/errors.ts'
import { realNotary } from '../../src/net/security/notary.ts'
import { newSecret } from '../../src/net/security/secret.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hive-identity-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

const identity = {
  key: 'a key',
  member: { tag: 't', certificate: 'c', authorities: ['a'] },
  control: ['k'],
  gossip: { primary: 1, keys: [{ id: 1, key: 'g' }] },
}

describe('the identity file', () => {
  test('is read as it was written, and only its owner can', () => {
    const file = identityFile(dir)
    expect(file.read()).toBeUndefined()
    file.write(identity)
    expect(file.read()).toEqual(identity)
    expect(statSync(join(dir, 'identity.json')).mode & 0o777).toBe(0o600)
    file.write({ key: 'another' })
    expect(file.read()).toEqual({ key: 'another' })
    expect(readdirSync(dir)).toEqual(['identity.json'])
  })

  test('whose keys are no keys, or certificates none, is damaged', () => {
    const notary = realNotary()
    const key = notary.newKey()
    const wrong: readonly Identity[] = [
      { key: 'a key' },
      { ...identity, key },
      { key, control: ['short'] },
      { key, gossip: { primary: 1, keys: [{ id: 1, key: 'short' }] } },
    ]
    const checked = identityFile(dir, one => checkIdentity(notary, one))
    for (const one of wrong) {
      identityFile(dir).write(one)
      expect(() => checked.read()).toThrow(expect.objectContaining({ code: 'SCHEMA' }))
    }
    checked.write({ key })
    expect(checked.read()).toEqual({ key })
  })

  test('a copy that was left half written is in nobody’s way', () => {
    writeFileSync(join(dir, 'identity.json.new'), '{"key": "ha', { mode: 0o644 })
    const file = identityFile(dir)
    file.write(identity)
    expect(file.read()).toEqual(identity)
    expect(statSync(join(dir, 'identity.json')).mode & 0o777).toBe(0o600)
  })

  test('is never a part of one: a disk that takes only some of it leaves the one before', () => {
    identityFile(dir).write(identity)
    const source = join(import.meta.dirname, '../../src/agent/trust/identity-file.ts')
    const script = `import { identityFile } from ${JSON.stringify(source)}
      identityFile(${JSON.stringify(dir)}).write({ key: 'k'.repeat(4000) })`
    // Files may have 1 KiB: the system takes so much of a write and says how much it was.
    const args = ['-c', 'ulimit -f 1; exec "$0" --input-type=module -e "$1"']
    const ran = spawnSync('bash', [...args, process.execPath, script], { encoding: 'utf8' })
    expect(ran.stderr).toMatch(/identity\.json cannot be written: EFBIG/)
    expect(identityFile(dir).read()).toEqual(identity)
  })

  test.each([
    '',
    '{',
    '[]',
    '{"key": 1}',
    '{"key":"k","member":{}}',
    '{"key":"k","control":[1]}',
    '{"key":"k","gossip":{"primary":1,"keys":[{}]}}',
  ])('a damaged one (%s) is told by name, and nothing of what it holds', text => {
    writeFileSync(join(dir, 'identity.json'), text)
    expect(() => identityFile(dir).read()).toThrow(OperatorError)
    expect(() => identityFile(dir).read()).toThrow(/identity\.json is damaged/)
  })
})

describe('the secret of the cluster', () => {
  const said: string[] = []
  const trace = {
    debug() {},
    info() {},
    warn: (_: object, message: string) => void said.push(message),
    error() {},
    debugging: false,
  }

  test('comes from its file first, then from the variable', () => {
    const [a, b] = [newSecret(), newSecret()]
    const path = join(dir, 'secret')
    writeFileSync(path, `${a}\n`, { mode: 0o600 })
    expect(readSecret(path, { HIVE_SECRET: b }, trace)).toBe(a)
    expect(readSecret(null, { HIVE_SECRET: b }, trace)).toBe(b)
    expect(readSecret(null, {}, trace)).toBeUndefined()
    expect(readSecret(null, { HIVE_SECRET: '' }, trace)).toBeUndefined()
    expect(said).toEqual([])
    chmodSync(path, 0o644)
    readSecret(path, {}, trace)
    expect(said.join()).toMatch(/chmod 600/)
  })

  test.each(['short', 'x'.repeat(42), `${newSecret()} ${newSecret()}`, `${newSecret()}=`])(
    '%s is none, and is not repeated',
    text => {
      try {
        readSecret(null, { HIVE_SECRET: text }, trace)
        expect.unreachable()
      } catch (error) {
        expect(error).toMatchObject({ code: 'BAD_CONFIG' })
        expect((error as Error).message).not.toContain(text)
      }
    },
  )
})

describe('who can reach the node', () => {
  const at = (bind: string, advertise?: string) => ({
    bind: { host: bind, port: 1 },
    advertise: advertise === undefined ? null : { host: advertise, port: 1 },
  })
  test.each([
    [at('127.0.0.1'), true],
    [at('127.9.9.9'), true],
    [at('::1'), true],
    [at('localhost'), true],
    [at('0.0.0.0'), false],
    [at('::'), false],
    [at('10.0.0.1'), false],
    [at('127.0.0.1', '10.0.0.1'), false],
    [at('127.0.0.1', 'n1.example.com'), false],
    [at('0.0.0.0', '127.0.0.1'), false],
    [at('127.0.0.1.example.com'), false],
  ])('%j: only this machine: %s', (where, inside) => {
    expect(staysInside(where)).toBe(inside)
  })

  test('and what to do about it', () => {
    expect(insecure(at('127.0.0.1', '10.0.0.1'))).toMatchObject({
      code: 'INSECURE',
      message: expect.stringMatching(/^10\.0\.0\.1:1 can be reached/),
      remedy: expect.stringContaining('hive secret new'),
    })
  })
})
