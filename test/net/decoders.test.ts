import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MalformedError } from '../../src/base/bytes.ts'
import { uuidBytes } from '../../src/base/uuid.ts'
import { decodeDatagram, encodeDatagram, maxDatagramBytes } from '../../src/net/datagrams.ts'
import { encodeFrame, type Frame, FrameDecoder, frameHeaderBytes } from '../../src/net/framing.ts'
import {
  decodeGreeting,
  decodeReply,
  encodeGreeting,
  encodeReply,
} from '../../src/net/hello-codec.ts'
import { decodeRaft, encodeRaft } from '../../src/net/raft-codec.ts'
import {
  decodeNotice,
  decodeRequest,
  decodeResponse,
  encodeNotice,
  encodeRequest,
  encodeResponse,
} from '../../src/net/request-codec.ts'
import { hello, raftMessage, uuid, whole } from './arbitraries.ts'

/** Everything that reads what a stranger or a peer sent: nothing but a value or a MalformedError comes out. */
function survives(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): void {
  try {
    decode(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedError)
  }
}

/** Noise, and good messages that were cut, bent or padded: the second kind reaches the deep branches. */
function batter(
  decode: (bytes: Uint8Array) => unknown,
  valid: fc.Arbitrary<Uint8Array>,
  numRuns = 300,
): void {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), bytes => survives(decode, bytes)),
    { numRuns },
  )
  fc.assert(
    fc.property(
      valid,
      fc.nat(),
      fc.nat(255),
      fc.uint8Array({ maxLength: 9 }),
      (good, at, flip, tail) => {
        for (let cut = 0; cut < Math.min(good.length, 80); cut++) {
          survives(decode, good.subarray(0, cut))
        }
        const bent = good.slice()
        bent[at % bent.length]! ^= flip
        survives(decode, bent)
        survives(decode, new Uint8Array([...good, ...tail]))
      },
    ),
    { numRuns },
  )
}

const { from, to } = { from: 'f', to: 't' }
const sessions = fc
  .array(fc.constantFrom(...'0123456789abcdef'), { minLength: 16, maxLength: 16 })
  .map(digits => digits.join(''))
const greeting = fc.record({ hello, session: sessions })

describe('raft messages', () => {
  test('come back as they were', () => {
    fc.assert(
      fc.property(raftMessage, fc.nat(9), (message, headroom) => {
        const bytes = encodeRaft(message, headroom).subarray(headroom)
        expect(decodeRaft(bytes, message.from, message.to)).toEqual(message)
      }),
      { numRuns: 500 },
    )
  })

  test('survive anything', () => {
    batter(
      bytes => decodeRaft(bytes, from, to),
      raftMessage.map(message => encodeRaft(message)),
    )
  })

  test('that are cut or padded are never taken for whole ones', () => {
    fc.assert(
      fc.property(raftMessage, fc.nat(), (message, at) => {
        const bytes = encodeRaft(message)
        const cut = bytes.subarray(0, at % bytes.length)
        expect(() => decodeRaft(cut, from, to)).toThrow(MalformedError)
        expect(() => decodeRaft(new Uint8Array([...bytes, 0]), from, to)).toThrow(MalformedError)
      }),
    )
  })

  test('with counts, numbers or terms out of bounds are malformed', () => {
    const append: Uint8Array = encodeRaft({
      type: 'append',
      from,
      to,
      term: 5,
      prevIndex: 9,
      prevTerm: 4,
      commit: 9,
      entries: [{ index: 10, term: 5, type: 'data', data: new Uint8Array(3) }],
    })
    const bent = (change: (bytes: Uint8Array) => void) => {
      const bytes = append.slice()
      change(bytes)
      return () => decodeRaft(bytes, from, to)
    }
    expect(bent(() => {})).not.toThrow()
    expect(bent(bytes => bytes.fill(255, 33, 37))).toThrow('claims 4294967295 entries')
    expect(bent(bytes => bytes.fill(255, 1, 9))).toThrow('beyond 2^53')
    expect(bent(bytes => bytes.set([0, 0x1f, 255, 255, 255, 255, 255, 255], 9))).toThrow('an index')
    expect(bent(bytes => bytes.fill(0, 38, 46))).toThrow('terms fall')
    expect(bent(bytes => void (bytes[8] = 4))).toThrow("beyond its message's")
    expect(bent(bytes => void (bytes[37] = 9))).toThrow('unknown type of entry')
    expect(bent(bytes => void (bytes[37] = 0))).toThrow('ends too early')
  })

  test('entries are views of their frame, but never keep a much larger read alive', () => {
    const data = new Uint8Array(200).fill(7)
    const shared = encodeRaft({
      type: 'append',
      from,
      to,
      term: 1,
      prevIndex: 0,
      prevTerm: 0,
      commit: 0,
      entries: [{ index: 1, term: 1, type: 'data', data }],
    })
    const bytes = new Uint8Array(shared)
    const read = new Uint8Array(65_536)
    read.set(bytes, 100)
    const retained = (received: Uint8Array) => {
      const message = decodeRaft(received, from, to)
      const entry = message.type === 'append' ? message.entries[0] : undefined
      return entry?.type === 'data' ? entry.data.buffer : undefined
    }
    expect(retained(bytes) === bytes.buffer).toBe(true)
    const small = read.subarray(100, 100 + bytes.length)
    // 200 copies of 250 bytes: two slabs, not 200 reads.
    const kept = new Set(Array.from({ length: 200 }, () => retained(small)))
    expect(kept.has(read.buffer)).toBe(false)
    expect(kept.size).toBeLessThanOrEqual(3)
  })
})

describe('greetings and verdicts', () => {
  test('come back as they were', () => {
    fc.assert(
      fc.property(greeting, said => {
        expect(decodeGreeting(encodeGreeting(said))).toEqual(said)
        const reply = { verdict: { outcome: 'welcome' } as const, greeting: said }
        expect(decodeReply(encodeReply(reply))).toEqual(reply)
      }),
    )
    const refusals = [
      { outcome: 'busy', reason: 'r' },
      { outcome: 'duplicate' },
      { outcome: 'rejected', code: 'DIVERGED', reason: 'why' },
    ] as const
    for (const verdict of refusals)
      expect(decodeReply(encodeReply({ verdict }))).toEqual({ verdict })
  })

  test('survive anything', () => {
    batter(decodeGreeting, greeting.map(encodeGreeting))
    const replies = greeting.map(said =>
      encodeReply({ verdict: { outcome: 'busy', reason: 'r' }, greeting: said }),
    )
    batter(decodeReply, replies, 100)
  })

  test('each field that is missing, of another type or over its limit is malformed', () => {
    const [good] = fc.sample(
      hello.filter(said => said.allegiance !== undefined),
      { numRuns: 1, seed: 7 },
    )
    const encoded = (change: (json: Record<string, unknown>) => void) => {
      const json = structuredClone(good) as unknown as Record<string, unknown>
      change(json)
      return encodeGreeting({ hello: json as never, session: '0123456789abcdef' })
    }
    expect(decodeGreeting(encoded(() => {})).hello).toEqual(good)
    const wrong = [null, {}, [], -1, 1.5, '\u001b[2J', 'x'.repeat(2000), { host: 1, port: 70_000 }]
    for (const key of Object.keys(good!)) {
      if (key !== 'allegiance') {
        expect(() => decodeGreeting(encoded(json => delete json[key])), key).toThrow(MalformedError)
      }
      for (const value of wrong) {
        // An empty object is a proof, or rather none.
        if (key === 'proof' && JSON.stringify(value) === '{}') continue
        if (key === 'roles' && Array.isArray(value)) continue
        const bytes = encoded(json => {
          json[key] = value
        })
        expect(() => decodeGreeting(bytes), `${key} ${JSON.stringify(value)}`).toThrow(
          MalformedError,
        )
      }
    }
  })

  test('fields of a newer build are ignored, and so are codes that are not known here', () => {
    const [said] = fc.sample(greeting, { numRuns: 1, seed: 7 })
    const newer = { ...said!, hello: { ...said!.hello, mood: 'good' }, weather: 1 }
    expect(decodeGreeting(encodeGreeting(newer))).toEqual(said)
    const verdict = { outcome: 'rejected', code: 'TOO_NOVEL' as never, reason: 'r' } as const
    expect(decodeReply(encodeReply({ verdict }))).toEqual({
      verdict: { outcome: 'rejected', code: 'REFUSED', reason: 'r' },
    })
  })
})

describe('requests, responses and notices', () => {
  const json = fc.oneof(fc.jsonValue(), fc.constant(undefined))
  const blob = fc.uint8Array()
  const seen = (value: unknown) =>
    value === undefined ? undefined : JSON.parse(JSON.stringify(value))
  const id = fc.nat(2 ** 32 - 1)
  const text = fc.string({ unit: 'grapheme', maxLength: 30 })
  const requests = fc.record({ id, method: text, body: json, blob })
  const notices = fc.record({ kind: text, body: json, blob })
  const responses = fc.record({
    id,
    outcome: fc.oneof(
      fc.record({ ok: fc.constant(true as const), body: json, blob }),
      fc.record({
        ok: fc.constant(false as const),
        code: fc.constantFrom('BUSY' as const, 'NOT_LEADER' as const),
        message: text,
        remedy: text,
      }),
    ),
  })
  const unframed = (frame: Uint8Array) => frame.subarray(frameHeaderBytes)
  const plain = (bytes: Uint8Array) => [...bytes]

  test('come back as they were', () => {
    fc.assert(
      fc.property(requests, notices, responses, (request, notice, response) => {
        const asked = decodeRequest(unframed(encodeRequest(request)))
        expect({ ...asked, blob: plain(asked.blob) }).toEqual({
          ...request,
          body: seen(request.body),
          blob: plain(request.blob),
        })
        const told = decodeNotice(unframed(encodeNotice(notice)))
        expect({ ...told, blob: plain(told.blob) }).toEqual({
          ...notice,
          body: seen(notice.body),
          blob: plain(notice.blob),
        })
        const answered = decodeResponse(unframed(encodeResponse(response)))
        expect(answered.id).toBe(response.id)
        if (response.outcome.ok) {
          expect(answered.outcome).toMatchObject({ ok: true, body: seen(response.outcome.body) })
        } else {
          expect(answered.outcome).toEqual(response.outcome)
        }
      }),
    )
  })

  test('survive anything', () => {
    batter(
      decodeRequest,
      requests.map(request => unframed(encodeRequest(request))),
    )
    batter(
      decodeNotice,
      notices.map(notice => unframed(encodeNotice(notice))),
    )
    batter(
      decodeResponse,
      responses.map(response => unframed(encodeResponse(response))),
    )
  })
})

describe('frames', () => {
  const frames = fc.array(
    fc.record({ kind: fc.nat(255), payload: fc.uint8Array({ maxLength: 300 }) }),
    { maxLength: 12 },
  )

  function all(decoder: FrameDecoder, bytes: Uint8Array): Frame[] {
    const out: Frame[] = []
    decoder.push(bytes)
    for (;;) {
      const frame = decoder.next()
      if (!frame) return out
      out.push(frame)
    }
  }

  test('come back whole, however the stream is cut', () => {
    fc.assert(
      fc.property(
        frames,
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        (sent, cuts) => {
          const stream = Buffer.concat(sent.map(({ kind, payload }) => encodeFrame(kind, payload)))
          const decoder = new FrameDecoder(1000)
          const got: Frame[] = []
          let at = 0
          for (let i = 0; at < stream.length; i++) {
            const cut = cuts[i % cuts.length]!
            got.push(...all(decoder, stream.subarray(at, at + cut)))
            at += cut
          }
          expect(decoder.kept).toBe(0)
          expect(got.map(({ kind, payload }) => [kind, ...payload])).toEqual(
            sent.map(({ kind, payload }) => [kind, ...payload]),
          )
        },
      ),
    )
  })

  test('survive anything, in any cuts', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 })), chunks => {
        const decoder = new FrameDecoder(1000)
        try {
          for (const chunk of chunks) all(decoder, chunk)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedError)
        }
      }),
    )
  })

  test('of exactly the limit pass, one byte more is malformed', () => {
    expect(all(new FrameDecoder(100), encodeFrame(1, new Uint8Array(95))).length).toBe(1)
    expect(() => all(new FrameDecoder(100), encodeFrame(1, new Uint8Array(96)))).toThrow(
      '101 bytes',
    )
    expect(() => all(new FrameDecoder(100), new Uint8Array(4))).toThrow('without a kind')
    expect(() => all(new FrameDecoder(100), new Uint8Array([255, 255, 255, 255]))).toThrow(
      'allowed',
    )
  })

  test('whose length is only claimed cost no memory', () => {
    const decoder = new FrameDecoder(8 * 2 ** 20)
    const before = process.memoryUsage().arrayBuffers
    const decoders = Array.from({ length: 100 }, () => new FrameDecoder(8 * 2 ** 20))
    for (const each of decoders) all(each, new Uint8Array([0, 0x70, 0, 0, 1, 2]))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20)
    expect(decoder.kept).toBe(0)
  })

  test('of several MiB in small reads are copied a few times at most, not once for each read', () => {
    const payload = new Uint8Array(6 * 2 ** 20).fill(5)
    const stream = encodeFrame(3, payload)
    const decoder = new FrameDecoder(8 * 2 ** 20)
    let copied = 0
    const set = Uint8Array.prototype.set
    Uint8Array.prototype.set = function (this: Uint8Array, from: ArrayLike<number>, at?: number) {
      copied += from.length
      set.call(this, from, at)
    }
    try {
      let got: Frame | undefined
      for (let at = 0; at < stream.length; at += 1000) {
        decoder.push(stream.subarray(at, at + 1000))
        got ??= decoder.next()
      }
      expect(got?.payload.length).toBe(payload.length)
    } finally {
      Uint8Array.prototype.set = set
    }
    expect(copied).toBeLessThan(3 * stream.length)
  })
})

describe('datagrams', () => {
  const message = fc.record({
    type: fc.constant('ack' as const),
    seq: fc.nat(2 ** 31),
    updates: fc.array(
      fc.record({
        kind: fc.constant('suspect' as const),
        id: uuid,
        incarnation: whole.map(n => n % 2 ** 31),
        accuser: uuid,
      }),
      { maxLength: 5 },
    ),
  })
  const tags = fc.option(uuid, { nil: null })

  test('come back as they were, with sender and tag', () => {
    fc.assert(
      fc.property(uuid, tags, message, (id, tag, said) => {
        const bytes = encodeDatagram(uuidBytes(id), tag, said)!
        expect(decodeDatagram(bytes)).toEqual({ from: id, tag, message: said })
      }),
    )
  })

  test('survive anything', () => {
    batter(
      bytes => decodeDatagram(bytes),
      fc
        .tuple(uuid, tags, message)
        .map(([id, tag, said]) => encodeDatagram(uuidBytes(id), tag, said)!),
    )
  })

  test('over the limit are not even looked at', () => {
    expect(() => decodeDatagram(new Uint8Array(maxDatagramBytes + 1))).toThrow('over its limit')
  })
})
