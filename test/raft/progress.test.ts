/** What a leader makes of a follower's answers, also of those that come late. */
import { describe, expect, test } from 'vitest'
import { seeded } from '../../src/base/random.ts'
import { Inflights } from '../../src/raft/inflights.ts'
import { Progress } from '../../src/raft/progress.ts'

describe('a follower’s progress', () => {
  test('probe: a rejection of what was not asked last changes nothing', () => {
    const peer = new Progress('b', 10, 4, 0)
    expect(peer.rejected(7, 3)).toBe(false)
    expect(peer.next).toBe(10)
    expect(peer.rejected(9, 3)).toBe(true)
    expect(peer.next).toBe(4)
    expect(peer.rejected(9, 3)).toBe(false)
  })

  test('probe: never below what matches, never forward on a rejection', () => {
    const peer = new Progress('b', 10, 4, 0)
    peer.accepted(6)
    peer.becomeProbe(10)
    peer.rejected(9, 2)
    expect(peer.next).toBe(7)
    peer.becomeProbe(10)
    peer.rejected(9, 20)
    expect(peer.next).toBe(9)
  })

  test('replicate: a rejection from before what matches is old; a later one shows a loss', () => {
    const peer = new Progress('b', 1, 4, 0)
    peer.accepted(5)
    peer.becomeReplicate()
    peer.sent(8)
    expect(peer.rejected(5, 0)).toBe(false)
    expect(peer.state).toBe('replicate')
    expect(peer.rejected(8, 5)).toBe(true)
    expect(peer).toMatchObject({ state: 'probe', next: 6 })
  })

  test('the window is first in, first out, and of fixed size', () => {
    const random = seeded('window')
    const window = new Inflights(5)
    let twin: number[] = []
    let next = 1
    for (let i = 0; i < 3000; i++) {
      const dice = random.below(10)
      if (dice < 5 && !window.full) {
        next += random.below(3) + 1
        window.add(next)
        twin.push(next)
      } else if (dice < 8) {
        const to = next - random.below(8)
        window.freeTo(to)
        twin = twin.filter(end => end > to)
      } else if (dice < 9) {
        window.freeFirst()
        twin.shift()
      }
      expect(window.count).toBe(twin.length)
      expect(window.full).toBe(twin.length === 5)
    }
  })
})
