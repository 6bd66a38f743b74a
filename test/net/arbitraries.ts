import fc from 'fast-check'
import type { Hello } from '../../src/net/handshake.ts'
import type { Configuration, Entry, Message } from '../../src/raft/types.ts'

/** Things that could be said on the wire. */
export const uuid = fc.uuid()
export const whole = fc.maxSafeNat()

const ids = fc.array(uuid, { maxLength: 7 })

const configuration: fc.Arbitrary<Configuration> = fc.record({
  voters: ids,
  outgoing: ids,
  learners: ids,
  learnersNext: ids,
})

type Body =
  | { type: 'noop'; leader?: string; cause?: string; time?: number }
  | { type: 'data'; data: Uint8Array }
  | { type: 'config'; config: Configuration; time?: number; by?: string }

const body: fc.Arbitrary<Body> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ type: 'noop' } as const) },
  {
    weight: 1,
    arbitrary: fc.record(
      {
        type: fc.constant('noop' as const),
        leader: fc.uuid(),
        cause: fc.constantFrom('timeout', 'transfer', 'of a newer build'),
        time: whole,
      },
      { requiredKeys: ['type', 'leader', 'cause'] },
    ),
  },
  {
    weight: 8,
    arbitrary: fc.record({ type: fc.constant('data' as const), data: fc.uint8Array() }),
  },
  {
    weight: 1,
    arbitrary: fc.record(
      { type: fc.constant('config' as const), config: configuration, time: whole },
      { requiredKeys: ['type', 'config'] },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('config' as const),
      ...{ config: configuration, time: whole, by: fc.constantFrom('ann@h1', '', 'leader:n1') },
    }),
  },
)

/** Appends such as leaders send: terms never fall, and none is beyond the message's. */
const append = fc
  .record({
    from: uuid,
    to: uuid,
    prevIndex: fc.nat(2 ** 40),
    prevTerm: fc.nat(2 ** 33),
    commit: whole,
    steps: fc.array(fc.tuple(body, fc.nat(2)), { maxLength: 20 }),
    ahead: fc.nat(5),
  })
  .map(({ from, to, prevIndex, prevTerm, commit, steps, ahead }): Message => {
    let term = prevTerm
    const entries = steps.map(([contents, step], i): Entry => {
      term += step
      return { index: prevIndex + 1 + i, term, ...contents }
    })
    return { type: 'append', from, to, term: term + ahead, prevIndex, prevTerm, commit, entries }
  })

const envelope = { from: uuid, to: uuid, term: whole }

function kind<T extends string>(type: T): fc.Arbitrary<T> {
  return fc.constant(type)
}

const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  append,
  fc.record({
    ...envelope,
    type: fc.constantFrom('pre-vote', 'vote'),
    lastIndex: whole,
    lastTerm: whole,
    transfer: fc.boolean(),
  }),
  fc.record({
    ...envelope,
    type: fc.constantFrom('pre-vote-response', 'vote-response'),
    granted: fc.boolean(),
  }),
  fc.record({
    ...envelope,
    type: kind('append-response'),
    index: whole,
    rejected: fc.boolean(),
    hintIndex: whole,
    hintTerm: whole,
  }),
  fc.record({ ...envelope, type: kind('heartbeat'), commit: whole, round: whole }),
  fc.record({ ...envelope, type: kind('heartbeat-response'), round: whole }),
  fc.record({
    ...envelope,
    type: kind('snapshot'),
    snapshot: fc.record({ index: whole, term: whole, config: configuration }),
  }),
  fc.record({ ...envelope, type: kind('timeout-now') }),
)

export const raftMessage: fc.Arbitrary<Message> = fc
  .tuple(anyMessage, fc.option(fc.integer({ min: 1, max: 2 ** 48 }), { nil: undefined }))
  .map(([message, lineage]) => (lineage === undefined ? message : { ...message, lineage }))

/** Text without control characters, as names are. */
const words = fc.string({ maxLength: 60, unit: 'grapheme' }).filter(text => !/\p{Cc}/u.test(text))
const name = words.filter(text => text !== '')

export const hello: fc.Arbitrary<Hello> = fc
  .record({
    protocolMin: whole,
    protocolMax: whole,
    version: words,
    id: uuid,
    name,
    address: fc.record({ host: words, port: fc.nat(65535) }),
    incarnation: whole,
    roles: fc.array(words, { maxLength: 8 }),
    dc: words,
    busy: fc.boolean(),
    proof: fc.dictionary(words, words, { maxKeys: 4 }),
    allegiance: fc.option(
      fc.record({ tag: uuid, clusterName: words, epoch: whole, metaVersion: whole }),
      { nil: undefined },
    ),
  })
  .map(({ allegiance, ...rest }) => (allegiance ? { ...rest, allegiance } : rest))
