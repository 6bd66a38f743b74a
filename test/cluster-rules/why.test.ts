import { describe, expect, test } from 'vitest'
import {
  electionConclusion,
  electionLines,
  epochConclusion,
  epochLines,
  joinConclusion,
  nodeConclusion,
  nodeLines,
  type RefusalNote,
  refusalLine,
} from '../../src/cluster/why.ts'
import type { LoggedEvent } from '../../src/state/events.ts'

const names = (id: string) => id.replace('id-', '')

function log(...told: [type: string, data: object, actor?: string][]): LoggedEvent[] {
  return told.map(([type, data, actor = 'ann@h1'], i) => {
    const event = { seq: i + 1, term: 1, epoch: 1, time: (i + 1) * 1_000, actor, type, data }
    return event as LoggedEvent
  })
}

const texts = (lines: readonly { readonly text: string }[]) => lines.map(l => l.text)
const refusal = (more: Partial<RefusalNote> = {}): RefusalNote => ({
  ...{ where: 'n1', whom: 'by us', name: 'n3', id: 'id-n3', address: '10.0.0.3:4483' },
  ...{ code: 'CLOCK_SKEW', reason: 'two hours ahead', cure: '', first: 1, last: 9_000, count: 4 },
  ...more,
})

describe('a node', () => {
  const at = { host: '10.0.0.3', port: 4483 }
  const events = log(
    ['NodeAdmitted', { node: { id: 'id-n3', name: 'n3', address: at } }, 'node:n3'],
    ['NodeReady', { id: 'id-n3' }],
    ['VotersChanged', { voters: ['id-n1'], observers: [] }],
    ['VotersChanged', { voters: ['id-n1'], observers: ['id-n3'] }],
    ['VotersChanged', { voters: ['id-n1', 'id-n3'], observers: [] }],
    ['NodeFailed', { id: 'id-n3', accusers: ['id-n1', 'id-n2'], health: [0, 3] }],
    ['VoterReplacing', { id: 'id-n3', by: 'id-n4', reason: 'failed for 10m' }, 'leader:n1'],
    ['VotersChanged', { voters: ['id-n1', 'id-n4'], observers: ['id-n3'] }],
    ['NodeDraining', { id: 'id-n3', reason: 'new disk' }],
    ['NodeFailed', { id: 'id-n9', accusers: [] }],
  )

  test('its events in plain words, with how well its accusers were', () => {
    expect(texts(nodeLines('id-n3', events, names))).toEqual([
      'was admitted, at 10.0.0.3:4483',
      'was ready',
      'became an observer: it has the log, and no vote',
      'got a vote',
      'failed: n1 (well), n2 (unwell itself: 3) could not reach it',
      'gives its vote to n4, because it has failed for 10m',
      'lost its vote, and observes',
      'was to drain: "new disk"',
    ])
    expect(texts(nodeLines('id-n4', events, names))).toEqual([
      'gets the vote of n3, which has failed for 10m',
      'became a control node and votes',
    ])
  })

  test('events of an older build say nothing of health', () => {
    const old = log(['NodeFailed', { id: 'id-n3', accusers: ['id-n1'] }])
    expect(texts(nodeLines('id-n3', old, names))).toEqual(['failed: n1 could not reach it'])
  })

  const node = { id: 'id-n3', name: 'n3', reachable: true }
  const told = (more: object, refusals: readonly RefusalNote[] = []) =>
    nodeConclusion({ ...node, ...more }, nodeLines('id-n3', events, names), refusals, 10_000)

  test('what it comes to', () => {
    expect(told({ phase: 'ready' })).toBe('n3 is ready, and answers')
    expect(told({ phase: 'ready', reachable: false })).toMatch(/^n3 is ready by the log, but the/)
    expect(told({ phase: 'failed', failedAt: 6_000 })).toMatch(/^n3 failed 4 s ago; it comes back/)
    expect(told({ phase: 'failed', failedAt: 6_000 }, [refusal({ cure: 'set the clock' })])).toBe(
      'n3 failed 4 s ago; n1 refuses it: CLOCK_SKEW: set the clock',
    )
    expect(told({ phase: 'drained' })).toMatch(/^n3 is drained because ann@h1 asked for it; hive/)
    expect(told({ left: { time: 4_000, reason: 'asked to leave' } })).toMatch(
      /^n3 left 6 s ago \(asked to leave\); hive join/,
    )
  })

  test('a refusal before it failed is not why', () => {
    expect(told({ phase: 'failed', failedAt: 9_500 }, [refusal()])).toMatch(
      /it comes back by itself/,
    )
  })
})

describe('elections', () => {
  const events = log(
    ['LeaderElected', { term: 1, leader: 'id-n1', cause: 'first' }],
    ['LeaderElected', { term: 3 }],
    ['LeaderElected', { term: 4, leader: 'id-n2', cause: 'evidence' }],
  )

  test('name who was elected and why; those of an older build do not', () => {
    expect(texts(electionLines(events, names, []))).toEqual([
      'term 1: n1 was elected: there was none before',
      'term 3: a leader that did not say its name was elected',
      'term 4: n2 was elected: the port of the leader before refused: its process was gone',
    ])
  })

  test('are told with what control nodes saw', () => {
    const seen = { where: 'n1', time: 1_500, term: 1, leader: null, count: 1 }
    const lines = electionLines(events, names, [
      { ...seen, rank: 'follower', why: 'no-quorum' },
      { ...seen, time: 1_600, rank: 'pre-candidate', why: 'timeout', count: 7 },
      { ...seen, time: 3_100, rank: 'follower', leader: 'n2', term: 4 },
    ])
    expect(lines.map(l => `${l.where ?? l.seq}: ${l.text}`)).toEqual([
      '1: term 1: n1 was elected: there was none before',
      'n1: led in term 1 no longer: no quorum answered it',
      'n1: stood for election after term 1 (7 times): no leader was heard for an election timeout',
      '2: term 3: a leader that did not say its name was elected',
      '3: term 4: n2 was elected: the port of the leader before refused: its process was gone',
      'n1: follows n2 in term 4',
    ])
    expect(electionConclusion({ name: 'n2', term: 4 }, lines, 10_000)).toBe(
      'n2 leads in term 4 since event 3, 7 s ago (the port of the leader before refused: its process was gone); 3 elections in the last hour',
    )
    expect(electionConclusion(undefined, lines, 10_000)).toMatch(/^nobody leads: no quorum/)
  })
})

test('epochs, each with what raised it', () => {
  const lines = epochLines(
    [
      ...log(['ClusterInitialised', { name: 'prod' }]),
      { ...log(['TombstonesCollected', { epoch: 2, through: 40 }])[0]!, seq: 50, epoch: 2 },
      {
        ...log(['ClusterRecovered', { lost: ['id-n3', 'id-n2'], reason: 'fire' }])[0]!,
        seq: 60,
        epoch: 3,
      },
    ],
    names,
  )
  expect(texts(lines)).toEqual([
    'epoch 1: the cluster «prod» was made',
    'epoch 2: deletions up to event 40 were older than the grace period, and forgotten',
    'epoch 3: a lost quorum was rescued, without n2, n3: "fire"',
  ])
  expect(epochConclusion(3, 60, lines)).toBe(
    'the epoch is 3 since event 60: a lost quorum was rescued, without n2, n3: "fire"; a node without the log that has not heard of event 60 bootstraps anew when it is back',
  )
  expect(epochConclusion(9, 0, [])).toMatch(/are not kept any more/)
})

test('an epoch that a restored snapshot raised has nobody begin anew, unless deletions were forgotten before', () => {
  const [restored] = log(['SnapshotRestored', { name: 'prod', index: 20 }])
  const lines = epochLines([{ ...restored!, seq: 30, epoch: 2 }], names)
  const told =
    'the epoch is 2 since event 30: a snapshot of «prod», as of its event 20, was restored; '
  expect(epochConclusion(2, 0, lines)).toBe(`${told}nodes that were away catch up with it`)
  expect(epochConclusion(2, 15, lines)).toBe(
    `${told}a node without the log that has not heard of event 15 bootstraps anew when it is back`,
  )
})

describe('a join', () => {
  const cureOf = (code: string) => (code === 'CLOCK_SKEW' ? 'set the clock' : '')
  const told = (...refusals: RefusalNote[]) =>
    joinConclusion('n3', undefined, false, refusals, cureOf)

  test('refusals count, and the newest is the reason', () => {
    expect(refusalLine(refusal()).text).toBe(
      'refused n3 at 10.0.0.3:4483 4 times: CLOCK_SKEW: two hours ahead',
    )
    expect(told(refusal({ code: 'NAME_TAKEN', last: 1 }), refusal())).toBe(
      'n3 is not in: n1 refused it with CLOCK_SKEW; set the clock',
    )
    expect(told(refusal({ whom: 'us', where: 'n3', name: 'n1' }))).toBe(
      'n3 is not in: n3 was refused with CLOCK_SKEW; set the clock',
    )
  })

  test('one that is in, and one that waits', () => {
    const node = { id: 'x', name: 'n3', reachable: true, phase: 'ready' } as const
    expect(joinConclusion('n3', node, false, [refusal()], cureOf)).toMatch(/^n3 is in the cluster/)
    expect(joinConclusion('n3', undefined, true, [refusal()], cureOf)).toMatch(/hive admit n3/)
    expect(told()).toMatch(/not refused by anybody who remembers/)
  })
})
