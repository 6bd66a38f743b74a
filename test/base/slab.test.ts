import { describe, expect, it } from 'vitest'
import { Slab } from '../../src/base/slab.ts'

describe('a slab', () => {
  it('gives each taker bytes of its own', () => {
    const slab = new Slab(64, 32)
    const taken = Array.from({ length: 20 }, (_, i) => slab.take(i))
    for (const [i, bytes] of taken.entries()) bytes.fill(i)
    for (const [i, bytes] of taken.entries()) {
      expect(bytes).toEqual(new Uint8Array(i).fill(i))
    }
  })

  it('shares a buffer among the small, and none with the large', () => {
    const slab = new Slab(64, 32)
    const [first, second, large, third] = [16, 16, 33, 32].map(n => slab.take(n))
    expect(first!.buffer).toBe(second!.buffer)
    expect(large!.buffer.byteLength).toBe(33)
    expect(third!.buffer).toBe(first!.buffer)
    expect(slab.take(1).buffer).not.toBe(first!.buffer)
  })
})
