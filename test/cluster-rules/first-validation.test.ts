import { describe, expect, test } from 'vitest'
import {
  type Allegiance,
  type Circumstances,
  cureOf,
  firstValidation,
  isFinal,
  type Party,
  shownSpan,
} from '../../src/cluster/first-validation.ts'

const prod: Allegiance = { tag: 'tag-1', clusterName: 'prod', epoch: 3, metaVersion: 7 }
const noon = 1_767_225_600_000

function party(name: string, more: Partial<Party> = {}): Party {
  return {
    ...{ id: `id-${name}`, name, protocolMin: 1, protocolMax: 2, version: '0.1.0' },
    busy: false,
    clock: noon,
    ...more,
  }
}

const around: Circumstances = {
  known: false,
  asked: true,
  clockLimit: 60_000,
  horizon: 0,
  claim: 'unchecked',
}

/** What a row says, as `CODE`, `busy` or `welcome`; the reason is checked where a row gives a pattern. */
interface Case {
  readonly row: string
  readonly self?: Partial<Party>
  readonly peer?: Partial<Party>
  readonly around?: Partial<Circumstances>
  readonly says: string
  readonly because?: RegExp
}

const of = (more: Partial<Allegiance> = {}) => ({ allegiance: { ...prod, ...more } })

const cases: readonly Case[] = [
  { row: 'empty to a zombie', says: 'welcome' },
  {
    row: 'empty to an initialised node: it may ask the control plane',
    self: of(),
    says: 'welcome',
  },
  { row: 'initialised to a zombie: welcome, and no infection', peer: of(), says: 'welcome' },
  {
    row: 'any to a busy node',
    self: { busy: true },
    says: 'busy',
    because: /self is in the middle of an init or a join/,
  },
  {
    row: 'a partner of the init to a busy node',
    self: { busy: true },
    around: { known: true },
    says: 'welcome',
  },
  {
    row: 'another tag',
    self: of(),
    peer: of({ tag: 'tag-2', clusterName: 'test' }),
    says: 'TAG_MISMATCH',
    because: /self belongs to «prod» \(tag tag-1\), peer to «test» \(tag tag-2\)/,
  },
  {
    row: 'another tag, though busy: what waiting cannot change is said first',
    self: { ...of(), busy: true },
    peer: of({ tag: 'tag-2' }),
    says: 'TAG_MISMATCH',
  },
  { row: 'smaller meta version', self: of(), peer: of({ metaVersion: 6 }), says: 'welcome' },
  { row: 'equal meta version', self: of(), peer: of(), says: 'welcome' },
  {
    row: 'larger meta version, nobody asked yet',
    self: of(),
    peer: of({ metaVersion: 8 }),
    says: 'busy',
    because: /self knows meta version 7, peer 8/,
  },
  {
    row: 'larger meta version, and this end dialled: the link may be needed to find out',
    self: of(),
    peer: of({ metaVersion: 8 }),
    around: { asked: false },
    says: 'welcome',
  },
  {
    row: 'larger meta version, which the control plane has too',
    self: of(),
    peer: of({ metaVersion: 8 }),
    around: { claim: 'confirmed' },
    says: 'welcome',
  },
  {
    row: 'larger meta version, which the control plane never had',
    self: of(),
    peer: of({ metaVersion: 8 }),
    around: { claim: 'diverged' },
    says: 'DIVERGED',
    because: /peer knows meta version 8 of «prod»/,
  },
  {
    row: 'older epoch, before the horizon',
    self: of(),
    peer: of({ epoch: 2, seen: 99 }),
    around: { horizon: 100 },
    says: 'EPOCH_MISMATCH',
    because: /epoch 2, up to event 99; in epoch 3 deletions up to event 100 are forgotten/,
  },
  {
    row: 'older epoch, and it does not say how far it has seen',
    self: of(),
    peer: of({ epoch: 2 }),
    around: { horizon: 100 },
    says: 'EPOCH_MISMATCH',
  },
  {
    row: 'older epoch, but it saw every deletion that is forgotten: only a moment behind',
    self: of(),
    peer: of({ epoch: 2, seen: 100 }),
    around: { horizon: 100 },
    says: 'welcome',
  },
  {
    row: 'older epoch, but it carries the log, which replaces what it believes',
    self: of(),
    peer: of({ epoch: 2, seen: 1, carries: true }),
    around: { horizon: 100 },
    says: 'welcome',
  },
  {
    row: 'newer epoch: it is the other end that judges',
    self: of(),
    peer: of({ epoch: 4, metaVersion: 7 }),
    says: 'welcome',
  },
  {
    row: 'a side that was lost comes back to a recovered cluster',
    self: of({ lineage: 5 }),
    peer: of({ epoch: 2, carries: true, seen: 1000 }),
    says: 'EPOCH_MISMATCH',
    because: /recovered without peer: self is of epoch 3, peer of epoch 2/,
  },
  {
    row: 'a recovered cluster comes to a side that was lost',
    self: of(),
    peer: of({ epoch: 4, lineage: 5 }),
    says: 'EPOCH_MISMATCH',
    because: /recovered without self: peer is of epoch 4, self of epoch 3/,
  },
  {
    row: 'two recoveries on both sides of a split',
    self: of({ lineage: 5 }),
    peer: of({ lineage: 6 }),
    says: 'DIVERGED',
    because: /recovered twice/,
  },
  {
    row: 'clock ahead beyond the limit',
    peer: { clock: noon + 60_001 },
    says: 'CLOCK_SKEW',
    because: /clock of peer is 60 s ahead of that of self; 60 s are allowed/,
  },
  {
    row: 'clock behind by years',
    peer: { clock: 0 },
    says: 'CLOCK_SKEW',
    because: /20454 d behind/,
  },
  { row: 'clock off, within the limit', peer: { clock: noon - 60_000 }, says: 'welcome' },
  {
    row: 'clock off, but it is one of us: no clock takes a quorum away',
    peer: { clock: 0 },
    around: { known: true },
    says: 'welcome',
  },
  {
    row: 'clock off, and this end has just started and knows nobody: both are of one cluster',
    self: of(),
    peer: { clock: 0, ...of() },
    says: 'welcome',
  },
  {
    row: 'no common protocol version: too old',
    peer: { protocolMin: 0, protocolMax: 0, version: '0.0.9' },
    says: 'VERSION_MISMATCH',
    because: /peer \(hive 0.0.9\) speaks protocol 0, self \(hive 0.1.0\) speaks 1–2/,
  },
  {
    row: 'no common protocol version: too new',
    peer: { protocolMin: 3, protocolMax: 4 },
    says: 'VERSION_MISMATCH',
  },
  {
    row: 'one version in common is enough',
    peer: { protocolMin: 2, protocolMax: 3 },
    says: 'welcome',
  },
]

describe('first validation', () => {
  for (const { row, self, peer, around: more, says, because } of cases) {
    test(row, () => {
      const verdict = firstValidation(party('self', self), party('peer', peer), {
        ...around,
        ...more,
      })
      expect(verdict.outcome === 'rejected' ? verdict.code : verdict.outcome).toBe(says)
      if (because) expect(verdict).toMatchObject({ reason: expect.stringMatching(because) })
    })
  }

  test('each refusal is either final or worth another try, and says what to do', () => {
    const codes = [...new Set(cases.map(c => c.says).filter(says => /^[A-Z]/.test(says)))].sort()
    expect(codes.map(code => [code, isFinal(code as 'DIVERGED')])).toEqual([
      ['CLOCK_SKEW', false],
      ['DIVERGED', true],
      ['EPOCH_MISMATCH', false],
      ['TAG_MISMATCH', true],
      ['VERSION_MISMATCH', true],
    ])
    for (const code of codes) expect(cureOf(code as 'DIVERGED')).not.toBe('')
  })

  test('spans are shown as people say them', () => {
    expect([90_000, 600_000, 7_200_000, 864e6].map(shownSpan)).toEqual([
      '90 s',
      '10 min',
      '2 h',
      '10 d',
    ])
  })
})
