import { describe, expect, test } from 'vitest'
import { encodeFrame, frameKind, sealFrame } from '../../src/net/framing.ts'
import { maxRequests } from '../../src/net/limits.ts'
import { encodeRequest } from '../../src/net/request-codec.ts'
import { LinksWorld, type TestNode } from './links-world.ts'

function ping(from: TestNode, to: TestNode) {
  return { type: 'heartbeat', from: from.id, to: to.id, term: 3, commit: 1, round: 1 } as const
}

describe('a link', () => {
  test('carries raft, swim and notices in order, in both directions', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    expect(a.links.sendRaft(b.id, ping(a, b))).toBe(true)
    expect(a.links.sendSwim(b.id, { type: 'gossip', updates: [] })).toBe(true)
    expect(a.links.notice(b.id, 'first', { n: 1 }, new Uint8Array([7, 8]))).toBe(true)
    expect(a.links.notice(b.id, 'second', undefined)).toBe(true)
    expect(b.links.notice(a.id, 'back', [])).toBe(true)
    world.clock.advance(10)
    expect(b.heard).toEqual([
      'raft heartbeat 3 from n1',
      'swim gossip from n1',
      'notice first {"n":1} from n1',
      'notice second undefined from n1',
    ])
    expect([...b.blobs[0]!]).toEqual([7, 8])
    expect(a.heard).toEqual(['notice back [] from n2'])
  })

  test('a malformed frame closes this link only, and says who sent it', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    const c = world.node(3)
    c.links.dialSeed(b.address)
    world.clock.advance(10)
    b.heard.length = 0
    // The only door to a link's bytes is the network: spoil what leaves for b.
    const wire = [...world.network.ends].find(end => end.host === a.host)!
    wire.write(encodeFrame(frameKind.raft, new Uint8Array([99, 1, 2])))
    world.clock.advance(5)
    expect(b.heard.slice(0, 2)).toEqual([
      'foreign 10.0.0.1: malformed: an unknown raft message',
      'disconnected n1: closed',
    ])
    expect(b.links.isConnected(c.id)).toBe(true)
    // Nobody is banned for it: the two link anew.
    world.clock.advance(3_000)
    expect(b.links.isConnected(a.id)).toBe(true)
  })

  test.each([
    ['an unknown kind', encodeFrame(77, new Uint8Array(3))],
    ['a second handshake', encodeFrame(frameKind.handshake, new Uint8Array(3))],
    ['a frame over its limit', new Uint8Array([0x7f, 0, 0, 0, 3])],
    ['a request that ends early', encodeFrame(frameKind.request, new Uint8Array([0, 0, 0]))],
    [
      'a notice that is not JSON',
      encodeFrame(frameKind.notice, new Uint8Array([0, 0, 0, 0, 0, 1, 123])),
    ],
    [
      'a response that is neither',
      encodeFrame(frameKind.response, new Uint8Array([0, 0, 0, 1, 9, 0, 0, 0, 0])),
    ],
    ['bad gossip', encodeFrame(frameKind.swim, new Uint8Array([250]))],
  ])('%s is foreign', (_, bytes) => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    const wire = [...world.network.ends].find(end => end.host === a.host)!
    wire.write(bytes)
    world.clock.advance(3)
    expect(b.heard[0]).toMatch(/^foreign 10\.0\.0\.1: malformed/)
    expect(b.heard[1]).toBe('disconnected n1: closed')
  })

  test('a goodbye closes for good: no dial follows', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    a.links.close()
    world.clock.advance(20_000)
    expect(b.heard).toEqual(['disconnected n1: closed'])
    expect(a.heard).toEqual([])
    expect(world.network.ends.size).toBe(0)
  })

  test('a peer whose process dies is dialled at once, so that the refusal is known', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    world.clock.advance(2_000)
    world.network.kill(b.host)
    world.clock.advance(10)
    expect(a.heard).toEqual(['disconnected n2: reset', 'dial n2 10.0.0.2:4483 failed: refused'])
    world.clock.advance(60_000)
    expect(a.heard.length).toBe(2)
  })

  test('a peer that nobody set an address of is asked where it said it was', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const b = world.node(2)
    b.links.dialSeed(a.address)
    world.clock.advance(2_000)
    world.network.kill(b.host)
    world.clock.advance(10)
    expect(a.heard.slice(1)).toEqual([
      'disconnected n2: reset',
      'dial n2 10.0.0.2:4483 failed: refused',
    ])
  })

  test('forget closes the link and tells both ends', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    a.links.forget(b.id)
    expect(a.heard).toEqual(['disconnected n2: closed'])
    world.clock.advance(10)
    expect(b.heard).toEqual(['disconnected n1: closed'])
    expect(a.links.sendRaft(b.id, ping(a, b))).toBe(false)
    world.clock.advance(10_000)
    expect(a.links.isConnected(b.id)).toBe(false)
  })

  test('a restarted peer, with a new incarnation, replaces its former self', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    // The machine loses power: nobody tells `a`.
    world.network.silent.add(b.host)
    b.links.close()
    world.clock.advance(50)
    world.network.kill(b.host)
    world.clock.advance(50)
    world.network.silent.delete(b.host)
    const outcomes = a.ask(b.id, 'lost')
    const again = world.node(2, { incarnation: 2 })
    again.links.dialSeed(a.address)
    world.clock.advance(10)
    expect(a.heard).toEqual(['disconnected n2: reset', 'connected n2 at 10.0.0.2:4483'])
    expect(outcomes).toEqual([
      {
        ok: false,
        code: 'TIMEOUT',
        message: 'the link to n2 was lost; what became of the request is unknown',
        lost: true,
      },
    ])
    expect(a.links.notice(again.id, 'hello again', 1)).toBe(true)
    world.clock.advance(5)
    expect(again.heard).toEqual(['connected n1 at 10.0.0.1:4483', 'notice hello again 1 from n1'])
  })

  test.each([4, 5, 6])(
    'a copy of a node that is linked and lives is refused, incarnation %i',
    incarnation => {
      const world = new LinksWorld()
      const a = world.node(1)
      const b = world.node(2, { incarnation: 5 })
      b.links.dialSeed(a.address)
      world.clock.advance(10)
      const copy = world.node(3, { id: b.id, name: 'n2', incarnation })
      for (let i = 0; i < 2; i++) {
        copy.links.dialSeed(a.address)
        world.clock.advance(10)
      }
      expect(copy.heard).toEqual([
        'dial seed 10.0.0.1:4483 failed: busy: n1 looks whether n2 still runs at 10.0.0.2:4483',
        'dial seed 10.0.0.1:4483 failed: rejected DUPLICATE_NODE: n2 runs already, at 10.0.0.2:4483: one of the two is a copy',
      ])
      world.clock.advance(60_000)
      expect(a.heard).toEqual(['connected n2 at 10.0.0.2:4483', 'copied n2 from 10.0.0.3'])
      expect(a.links.isConnected(b.id)).toBe(true)
    },
  )

  test('a node whose machine died without a word and that comes from another one is let in in a moment', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    world.network.silent.add(b.host)
    b.links.close()
    const again = world.node(3, { id: b.id, name: 'n2', incarnation: 2 })
    again.links.dialSeed(a.address)
    world.clock.advance(1_600)
    expect(a.heard).toEqual(['disconnected n2: timeout'])
    again.links.dialSeed(a.address)
    world.clock.advance(10)
    expect(a.heard.at(-1)).toBe('connected n2 at 10.0.0.3:4483')
  })

  test('a listener that cannot listen says so', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const second = world.node(1)
    world.clock.advance(1)
    expect(second.heard).toEqual(['failed: 10.0.0.1:4483 is in use'])
    expect(a.heard).toEqual([])
  })
})

describe('dials of both ends at once', () => {
  const lates = [0, 1, 2, 3, 4, 5, 6]
  const cases = lates.flatMap(late => [[late, 'larger'] as const, [late, 'smaller'] as const])

  test.each(cases)(
    'one link survives when a second dial is %i ms late, from the %s id',
    (late, second) => {
      const world = new LinksWorld()
      const a = world.node(1)
      const b = world.node(2)
      a.links.setAddress(b.id, b.address)
      b.links.setAddress(a.id, a.address)
      if (second === 'larger') a.links.connect(b.id)
      else b.links.connect(a.id)
      world.clock.advance(late)
      if (second === 'larger') b.links.connect(a.id)
      else a.links.connect(b.id)
      world.clock.advance(10_000)
      expect([a.heard, b.heard]).toEqual([
        ['connected n2 at 10.0.0.2:4483'],
        ['connected n1 at 10.0.0.1:4483'],
      ])
      expect(world.network.ends.size).toBe(2)
      a.links.notice(b.id, 'x', 1)
      b.links.notice(a.id, 'y', 2)
      world.clock.advance(5)
      expect(b.heard[1]).toBe('notice x 1 from n1')
      expect(a.heard[1]).toBe('notice y 2 from n2')
    },
  )

  test('exactly crossed: the link dialled by the smaller id stays', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const b = world.node(2)
    a.links.dialSeed(b.address)
    b.links.dialSeed(a.address)
    world.clock.advance(10)
    const [one, two, ...more] = [...world.network.ends]
    expect(more).toEqual([])
    // The dialling end knows the port that was dialled, the other one an ephemeral port.
    const dialler = [one!, two!].find(end => end.remote.port === 4483)!
    expect(dialler.host).toBe(a.host)
  })

  test('whatever is asked while they cross is answered', () => {
    for (let late = 0; late <= 8; late++) {
      const world = new LinksWorld()
      const a = world.node(1)
      const b = world.node(2)
      a.links.setAddress(b.id, b.address)
      b.links.setAddress(a.id, a.address)
      const outcomes = [a.ask(b.id, 'echo')]
      world.clock.advance(late)
      outcomes.push(b.ask(a.id, 'echo'))
      for (let i = 0; i < 10; i++) {
        world.clock.advance(1)
        outcomes.push(a.ask(b.id, 'echo'), b.ask(a.id, 'echo'))
      }
      world.clock.advance(100)
      expect(outcomes.map(([outcome]) => outcome?.ok)).toEqual(outcomes.map(() => true))
    }
  })

  /** `b` gives its end up while nothing reaches `a`; then the network heals. */
  function lose(world: LinksWorld, a: TestNode, b: TestNode, meanwhile = () => {}): void {
    world.clock.advance(30_000)
    world.network.silent.add(a.host)
    meanwhile()
    b.links.forget(a.id)
    world.clock.advance(20)
    world.network.silent.delete(a.host)
    b.links.setAddress(a.id, a.address)
    b.links.connect(a.id)
    world.clock.advance(10)
  }

  test('an end that lost its link is believed, though it has the larger id', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    lose(world, a, b)
    expect(b.links.isConnected(a.id)).toBe(true)
    a.links.notice(b.id, 'over the new link', 1)
    world.clock.advance(5)
    expect(b.heard.at(-1)).toBe('notice over the new link 1 from n1')
    world.clock.advance(10_000)
    expect(world.network.ends.size).toBe(2)
  })

  test('what such an end was asked in vain is answered as soon as the old link has ended', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    let unheard: unknown[] = []
    lose(world, a, b, () => {
      unheard = a.ask(b.id, 'echo', 120_000)
    })
    const heard = a.ask(b.id, 'hold', 120_000)
    world.clock.advance(6_000)
    expect(unheard).toEqual([
      { ok: false, code: 'TIMEOUT', message: expect.stringContaining('was lost'), lost: true },
    ])
    expect(heard).toEqual([])
    b.asked.at(-1)!.answer({ ok: true, body: 'late' })
    world.clock.advance(5)
    expect(heard).toEqual([{ ok: true, body: 'late', blob: expect.anything() }])
  })
})

describe('back-off', () => {
  test('a peer that refuses is dialled ever more seldom, at most every 2 s, while something wants it', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const gone = world.node(2)
    gone.links.close()
    world.clock.advance(10)
    a.links.setAddress(gone.id, gone.address)
    const dials: number[] = []
    for (let ms = 0; ms < 20_000; ms += 5) {
      const before = a.heard.length
      expect(a.links.sendRaft(gone.id, ping(a, gone))).toBe(false)
      world.clock.advance(5)
      if (a.heard.length > before) dials.push(ms)
    }
    const pauses = dials.slice(1).map((at, i) => at - dials[i]!)
    expect(pauses[0]).toBeLessThanOrEqual(65)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(2_015)
    expect(Math.min(...pauses.slice(6))).toBeGreaterThanOrEqual(1_000)
    expect(dials.length).toBeGreaterThan(12)
    expect(dials.length).toBeLessThan(35)
  })

  test('nobody wants it: nobody dials it', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    a.links.setAddress(world.node(2).id, { host: '10.0.0.7', port: 1 })
    world.clock.advance(60_000)
    expect(a.heard).toEqual([])
  })

  test('connect skips the pause, and a new address ends it', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const b = world.node(2)
    a.links.setAddress(b.id, { host: '10.0.0.7', port: 1 })
    for (let i = 0; i < 8; i++) {
      a.links.connect(b.id)
      world.clock.advance(4)
    }
    expect(a.heard.length).toBe(8)
    a.links.setAddress(b.id, b.address)
    a.links.sendRaft(b.id, ping(a, b))
    world.clock.advance(10)
    expect(a.links.isConnected(b.id)).toBe(true)
  })
})

describe('half-open links', () => {
  test('three pings without an answer end a link', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    world.network.silent.add(b.host)
    world.clock.advance(35_000)
    expect(a.links.isConnected(b.id)).toBe(true)
    world.clock.advance(20_000)
    expect(a.heard[0]).toBe('disconnected n2: timeout')
    expect(b.heard[0]).toBe('disconnected n1: timeout')
  })

  test('one that is doubted is dialled anew unless it shows life', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    a.links.doubt(b.id)
    world.clock.advance(3_000)
    expect([a.heard, b.heard]).toEqual([[], []])

    world.network.silent.add(b.host)
    world.clock.advance(8_000)
    a.links.doubt(b.id)
    a.links.doubt(b.id)
    world.clock.advance(1_000)
    expect(a.links.isConnected(b.id)).toBe(true)
    world.clock.advance(600)
    expect(a.heard[0]).toBe('disconnected n2: timeout')
    // That dial is lost as well. When the way is open the next one wins over what the other end still has.
    world.clock.advance(5_000)
    world.network.silent.delete(b.host)
    a.links.connect(b.id)
    world.clock.advance(100)
    expect(a.links.isConnected(b.id)).toBe(true)
    expect(b.links.isConnected(a.id)).toBe(true)
  })

  test('an idle link that works stays for ever', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    world.clock.advance(600_000)
    expect([a.heard, b.heard]).toEqual([[], []])
    expect(a.links.isConnected(b.id)).toBe(true)
  })
})

describe('limits of a link', () => {
  const limits = { queueBytes: 10_000, frameBytes: 50_000 }

  test('raft and notices are dropped, requests answered BUSY, when a peer takes nothing in', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair({ limits })
    world.network.stuck.add(b.host)
    let accepted = 0
    while (accepted < 5_000 && a.links.sendRaft(b.id, ping(a, b))) accepted++
    expect(a.links.queued(b.id)).toBeGreaterThan(limits.queueBytes)
    expect(a.links.queued(b.id)).toBeLessThan(limits.queueBytes + 100)
    expect(a.links.sendSwim(b.id, { type: 'gossip', updates: [] })).toBe(false)
    expect(a.links.notice(b.id, 'n', 1)).toBe(false)
    const outcomes = a.ask(b.id, 'echo')
    world.clock.advance(1)
    expect(outcomes).toMatchObject([{ ok: false, code: 'BUSY', unsent: true }])

    world.network.stuck.delete(b.host)
    for (const end of world.network.ends) end.flush()
    world.clock.advance(5)
    expect(b.heard.length).toBe(accepted)
    expect(a.links.sendRaft(b.id, ping(a, b))).toBe(true)
  })

  test('what is larger than a frame is refused at home', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair({ limits })
    const large = new Uint8Array(60_000)
    expect(a.links.notice(b.id, 'n', 1, large)).toBe(false)
    const codes: string[] = []
    a.links.request(b.id, 'm', 1, 100, outcome => outcome.ok || codes.push(outcome.code), large)
    world.clock.advance(1)
    expect(codes).toEqual(['TOO_LARGE'])
    const outcomes = a.ask(b.id, 'give me much')
    world.clock.advance(5)
    b.asked[0]!.answer({ ok: true, body: 1, blob: large })
    world.clock.advance(5)
    expect(outcomes).toMatchObject([{ ok: false, code: 'TOO_LARGE' }])
    expect(a.links.isConnected(b.id)).toBe(true)
  })
})

describe('requests', () => {
  test('are bounded, at the end that asks and at the end that works', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    const outcomes = Array.from({ length: maxRequests + 2 }, () => a.ask(b.id, 'never', 9_000))
    world.clock.advance(5)
    expect(b.asked.length).toBe(maxRequests)
    expect(outcomes.filter(([outcome]) => outcome !== undefined).length).toBe(2)
    expect(outcomes.at(-1)).toMatchObject([{ ok: false, code: 'BUSY', unsent: true }])
    // A peer that does not keep to its own bound meets ours.
    const wire = [...world.network.ends].find(end => end.host === a.host)!
    const empty = new Uint8Array(0)
    const more = encodeRequest({ id: 9_999_999, method: 'never', body: 1, blob: empty })
    wire.write(sealFrame(frameKind.request, more))
    world.clock.advance(5)
    expect(b.asked.length).toBe(maxRequests)
    b.asked[0]!.answer({ ok: true, body: 1 })
    wire.write(sealFrame(frameKind.request, more.slice()))
    world.clock.advance(5)
    expect(b.asked.length).toBe(maxRequests + 1)
  })

  test('an answer comes back with body and blob', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    const outcomes: unknown[] = []
    const blob = new Uint8Array([1, 2, 3])
    a.links.request(b.id, 'echo', { deep: [1, null] }, 1000, o => outcomes.push(o), blob)
    world.clock.advance(5)
    expect(outcomes).toMatchObject([{ ok: true, body: { deep: [1, null] } }])
    expect([...(outcomes[0] as { blob: Uint8Array }).blob]).toEqual([1, 2, 3])
  })

  test('a refusal comes back with code, message and remedy', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    const outcomes = a.ask(b.id, 'leave')
    world.clock.advance(5)
    b.asked[0]!.answer({ ok: false, code: 'REFUSED', message: 'no', remedy: 'use --force' })
    world.clock.advance(5)
    expect(outcomes).toEqual([{ ok: false, code: 'REFUSED', message: 'no', remedy: 'use --force' }])
  })

  test('many at once each get their own answer, in any order', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    const outcomes = Array.from({ length: 50 }, () => a.ask(b.id, 'later'))
    world.clock.advance(5)
    for (const [i, asked] of [...b.asked].reverse().entries()) {
      asked.answer({ ok: true, body: 49 - i })
    }
    world.clock.advance(5)
    expect(outcomes.map(([outcome]) => outcome?.ok && outcome.body)).toEqual(
      Array.from({ length: 50 }, (_, i) => i),
    )
  })

  test('no answer in time is a TIMEOUT, and a late answer is dropped', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    const outcomes = a.ask(b.id, 'slow', 500)
    world.clock.advance(501)
    expect(outcomes).toEqual([
      { ok: false, code: 'TIMEOUT', message: 'n2 did not answer within 500 ms' },
    ])
    b.asked[0]!.answer({ ok: true, body: 1 })
    world.clock.advance(5)
    expect(outcomes.length).toBe(1)
  })

  test('answering twice is a bug here, and says so', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    a.ask(b.id, 'once')
    world.clock.advance(5)
    b.asked[0]!.answer({ ok: true, body: 1 })
    expect(() => b.asked[0]!.answer({ ok: true, body: 1 })).toThrow('answered twice')
  })

  test('a lost link answers what was sent; its outcome is unknown', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    const outcomes = a.ask(b.id, 'never')
    world.clock.advance(5)
    world.network.kill(b.host)
    world.clock.advance(2)
    expect(outcomes).toMatchObject([{ ok: false, code: 'TIMEOUT' }])
    expect(outcomes[0]).not.toHaveProperty('unsent')
  })

  test('a request dials, and waits for the link', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const b = world.node(2)
    a.links.setAddress(b.id, b.address)
    const outcomes = a.ask(b.id, 'echo')
    world.clock.advance(10)
    expect(outcomes).toMatchObject([{ ok: true }])
  })

  test('a request to where nobody listens fails as soon as that is known, unsent', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const nowhere = { host: '10.0.0.8', port: 1 }
    const id = world.node(2).id
    expect(a.ask(id, 'echo')).toEqual([])
    a.links.setAddress(id, nowhere)
    const outcomes = a.ask(id, 'echo')
    world.clock.advance(5)
    expect(outcomes).toMatchObject([{ ok: false, code: 'TIMEOUT', unsent: true }])
    expect(outcomes[0]).toMatchObject({ message: `${id} cannot be reached: refused` })
  })

  test('a request to a peer that rejects us says why', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const b = world.node(2)
    b.verdict = () => ({ outcome: 'rejected', code: 'EPOCH_MISMATCH', reason: 'another epoch' })
    a.links.setAddress(b.id, b.address)
    const outcomes = a.ask(b.id, 'echo')
    world.clock.advance(10)
    expect(outcomes).toMatchObject([{ ok: false, code: 'EPOCH_MISMATCH', unsent: true }])
  })

  test('a request to nobody known is no word about that node, and never answers during the call', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const outcomes = a.ask('somebody', 'echo')
    expect(outcomes).toEqual([])
    world.clock.advance(1)
    expect(outcomes).toMatchObject([{ ok: false, code: 'TIMEOUT', unsent: true }])
  })

  test('nor is one to an address where another node answers', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const b = world.node(2)
    a.links.setAddress(world.node(7).id, b.address)
    const outcomes = a.ask(world.node(7).id, 'echo')
    world.clock.advance(10)
    expect(outcomes).toMatchObject([{ ok: false, code: 'TIMEOUT', unsent: true }])
  })

  test('closing answers everything, sent or not', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    a.links.setAddress(world.node(3).id, { host: '10.0.0.77', port: 1 })
    const outcomes = [a.ask(b.id, 'never'), a.ask(world.node(4).id, 'never')]
    world.clock.advance(1)
    outcomes.push(a.ask(b.id, 'never'))
    a.links.close()
    a.links.close()
    expect(outcomes.map(list => list.length)).toEqual([1, 1, 1])
    expect(a.links.sendRaft(b.id, ping(a, b))).toBe(false)
  })
})

describe('what is let go', () => {
  test('ends at both ends: when the asker says so, and when the link is lost', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    const signal = new AbortController()
    const outcomes: unknown[] = []
    const ask = (method: string) =>
      a.links.request(b.id, method, {}, 60_000, o => outcomes.push(o), undefined, signal.signal)
    ask('hold')
    ask('hold')
    ask('echo')
    const other = a.ask(b.id, 'hold', 60_000)
    world.clock.advance(5)
    expect(outcomes).toMatchObject([{ ok: true }])
    signal.abort()
    world.clock.advance(5)
    expect(outcomes).toMatchObject([{ ok: true }, { ok: false }, { ok: false }])
    expect(b.letGo).toBe(2)
    expect(b.heard.filter(line => line.startsWith('notice'))).toEqual([])
    a.links.forget(b.id)
    world.clock.advance(5)
    expect(other).toMatchObject([{ ok: false, code: 'TIMEOUT' }])
    expect(b.letGo).toBe(3)
  })

  test('before it was sent is never sent', () => {
    const world = new LinksWorld()
    const [a, b] = [world.node(1), world.node(2)]
    a.links.setAddress(b.id, b.address)
    const signal = new AbortController()
    const outcomes: unknown[] = []
    a.links.request(b.id, 'hold', {}, 60_000, o => outcomes.push(o), undefined, signal.signal)
    signal.abort()
    world.clock.advance(50)
    expect(outcomes).toMatchObject([{ ok: false }])
    expect(a.links.isConnected(b.id)).toBe(true)
    expect(b.asked).toEqual([])
  })
})
