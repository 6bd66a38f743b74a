import { expect, test } from 'vitest'
import { controlKey, seal, sealedUnder, unseal } from '../../../src/net/security/seal.ts'

const one = controlKey(Buffer.alloc(32, 1))
const two = controlKey(Buffer.alloc(32, 2))
const plain = Buffer.from('a secret')

test('opens with its key, for its purpose, and as it is', () => {
  const text = seal(one, Buffer.alloc(12, 3), plain, 'purpose')
  expect(sealedUnder(text)).toBe(one.id)
  expect(unseal([two, one], text, 'purpose')).toEqual(plain)
  expect(unseal([two], text, 'purpose')).toBeUndefined()
  expect(unseal([one], text, 'another purpose')).toBeUndefined()
  expect(text).not.toContain(plain.toString('base64url'))
  for (let at = one.id.length + 1; at < text.length; at++) {
    const bent = text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
    const opened = unseal([one], bent, 'purpose')
    // The last digit of base64 may carry bits that mean nothing.
    if (opened) expect(opened).toEqual(plain)
    expect(unseal([one], text.slice(0, at), 'purpose')).toBeUndefined()
  }
  for (const text of ['', '.', '..', `${one.id}..`, `${one.id}.AAAA.AAAA`]) {
    expect(unseal([one], text, 'purpose')).toBeUndefined()
  }
})
