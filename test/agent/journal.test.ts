import { expect, test } from 'vitest'
import { Journal } from '../../src/agent/entrance/journal.ts'
import type { Clock } from '../../src/base/time.ts'
import { silentTrace } from '../../src/base/trace.ts'

const peer = { name: 'n9', id: 'id-of-n9', address: { host: '10.0.0.9', port: 4483 } }
const nobody = () => false

function journal() {
  const time = { now: 1_000 }
  const clock: Clock = {
    now: () => time.now,
    wall: () => time.now,
    after: () => ({ cancel() {} }),
    soon: () => {},
  }
  return { book: new Journal(clock, silentTrace), time }
}

test('a refusal is news while its node still knocks, and is kept after that', () => {
  const { book, time } = journal()
  book.refused('by us', peer, 'TOKEN_SPENT', 'it was used')
  expect(book.notices('n1', false)).toEqual([
    'n1: refused n9 at 10.0.0.9:4483: TOKEN_SPENT: it was used',
  ])
  time.now += 2 * 60_000
  expect(book.notices('n1', false)).toEqual([])
  expect(book.entries()).toHaveLength(1)
})

test('only the last reason to refuse a node is news', () => {
  const { book } = journal()
  book.refused('by us', peer, 'TOKEN_SPENT', 'it was used')
  book.refused('by us', peer, 'TOKEN_REVOKED', 'it was revoked')
  expect(book.notices('n1', false)).toEqual([
    'n1: refused n9 at 10.0.0.9:4483: TOKEN_REVOKED: it was revoked',
  ])
  book.refused('by us', peer, 'TOKEN_SPENT', 'it was used')
  expect(book.notices('n1', false)).toEqual([
    'n1: refused n9 at 10.0.0.9:4483 2 times: TOKEN_SPENT: it was used',
  ])
  expect(book.entries()).toHaveLength(2)
})

test('a node that was let in by another has got over what kept it out', () => {
  const { book } = journal()
  book.refused('by us', peer, 'NAME_REFUSED', 'the token is for others')
  expect(book.notices('n1', false, nobody)).toHaveLength(1)
  expect(book.notices('n1', false, id => id === peer.id)).toEqual([])
})

test('what somebody without a name said is over when a node is met there', () => {
  const { book } = journal()
  book.refused('us', { name: '', id: '', address: peer.address }, 'UNTRUSTED', 'no belief')
  expect(book.notices('n1', false)).toHaveLength(1)
  book.met('another', { host: '10.0.0.8', port: 4483 })
  expect(book.notices('n1', false)).toHaveLength(1)
  book.met(peer.id, peer.address)
  expect(book.notices('n1', false)).toEqual([])
})

test('who comes in the name of a member stays news', () => {
  const { book } = journal()
  book.refused('by us', peer, 'IDENTITY_MISMATCH', 'the id belongs to another key')
  expect(book.notices('n1', false, () => true)).toHaveLength(1)
  book.met(peer.id)
  expect(book.notices('n1', false, () => true)).toEqual([])
})
