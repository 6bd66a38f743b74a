import { describe, expect, test } from 'vitest'
import {
  clockOf,
  diagnose,
  type Examination,
  type PeerFinding,
  worst,
} from '../../src/cluster/doctor.ts'

const day = 86_400_000
const peer: PeerFinding = {
  name: 'n2',
  address: '10.0.0.2:4483',
  version: '1.0.0',
  clock: { ahead: 3, roundTrip: 2 },
  datagrams: { out: 1400, back: 1400 },
  streams: { out: 'open', back: 'open', at: '10.0.0.1:4483' },
}
const well: Examination = {
  syncs: [1, 2, 3],
  premises: { path: '/d', bytes: 2 ** 20, free: 2 ** 36, total: 2 ** 37, shared: false },
  files: { used: 60, limit: 16_384 },
  lags: [1, 2],
  peers: [peer, { ...peer, name: 'n3' }],
  unasked: 0,
  wall: 100 * day,
  maxClockSkew: 60_000,
  certificates: [{ node: 'n1', notBefore: 90 * day, notAfter: 120 * day }],
  seeds: [{ seed: 'n2:4483', outcome: 'open' }],
  remembered: 2,
  quorum: { voters: 3, needed: 2, reachable: 3, leader: true },
  version: '1.0.0',
}

/** The named check when this is different from a healthy node. */
function look(name: string, change: Partial<Examination>) {
  return diagnose({ ...well, ...change }).find(c => c.name === name)!
}
const withPeer = (change: Partial<PeerFinding>) => ({
  peers: [{ ...peer, ...change }, well.peers[1]!],
})

test('all is well: no verdict but ok, and nothing to do', () => {
  const checks = diagnose(well)
  expect(new Set(checks.map(c => c.verdict))).toEqual(new Set(['ok']))
  expect(new Set(checks.map(c => c.cure))).toEqual(new Set(['']))
})

test('whatever is not ok names a cure', () => {
  const { syncs, premises, files, certificates, quorum, ...bare } = well
  const bad: Examination = {
    ...{ ...bare, syncs: [900], files: { used: 1000, limit: 1024 }, lags: [2000], seeds: [] },
    premises: { ...well.premises, free: 2 ** 20, shared: true } as never,
    peers: [{ name: 'n2', address: '', version: '2.0.0', silent: 'away' }],
  }
  for (const { verdict, cure } of diagnose(bad))
    if (verdict !== 'ok' && verdict !== 'skipped') expect(cure).not.toBe('')
  expect(worst(diagnose(bad))).toBe('fail')
})

describe.each<[string, Partial<Examination>, string, RegExp]>([
  ['quorum', { quorum: { voters: 3, needed: 2, reachable: 1, leader: false } }, 'fail', /1 of 3/],
  [
    'quorum',
    { quorum: { voters: 3, needed: 2, reachable: 2, leader: true } },
    'warn',
    /one more failure/,
  ],
  [
    'quorum',
    { quorum: { voters: 1, needed: 1, reachable: 1, leader: true } },
    'warn',
    /no failure/,
  ],
  ['quorum', { quorum: { voters: 4, needed: 3, reachable: 4, leader: true } }, 'warn', /with 3/],
  ['links', withPeer({ silent: 'refused' }), 'fail', /^n2: refused$/],
  ['links', { unasked: 7 }, 'ok', /7 more were not asked/],
  [
    'tcp',
    withPeer({ streams: { out: 'open', back: 'timeout', at: 'h:1' } }),
    'fail',
    /from it to h:1: timeout/,
  ],
  ['udp', withPeer({ datagrams: { out: 1400, back: 0 } }), 'fail', /nothing arrives from it/],
  [
    'mtu',
    withPeer({ datagrams: { out: 1252, back: 1400 } }),
    'fail',
    /1252 bytes there, 1400 back/,
  ],
  ['clock', withPeer({ clock: { ahead: -900, roundTrip: 4 } }), 'warn', /−900 ms/],
  // It could all be the way: nothing is sure.
  ['clock', withPeer({ clock: { ahead: 900, roundTrip: 1_800 } }), 'ok', /900 ms/],
  ['clock', withPeer({ clock: { ahead: 90_000, roundTrip: 4 } }), 'fail', /90000 ms|90 s/],
  ['disk-sync', { syncs: [1, 2, 40] }, 'warn', /longest 40 ms/],
  ['disk-sync', { syncs: { failed: 'ENOSPC' } }, 'fail', /ENOSPC/],
  ['open-files', { files: { used: 950, limit: 1024 } }, 'fail', /950 of 1024/],
  ['event-loop', { lags: [150] }, 'warn', /150 ms/],
  ['certificates', { wall: 115 * day }, 'warn', /n1 ends in 5 d/],
  ['certificates', { wall: 121 * day }, 'fail', /n1 expired/],
  ['seeds', { seeds: [{ seed: 'nix:1', outcome: 'unresolved' }] }, 'warn', /nix:1: unresolved/],
  ['seeds', { seeds: [{ seed: 'nix:1', outcome: 'refused' }], remembered: 0 }, 'fail', /refused/],
  ['versions', withPeer({ version: '0.9.0' }), 'warn', /n2 0.9.0/],
])('%s', (name, change, verdict, figures) => {
  test(`${verdict}: ${figures.source}`, () => {
    expect(look(name, change)).toMatchObject({ verdict })
    expect(look(name, change).figures).toMatch(figures)
  })
})

test('the clock: of the fastest exchange, half of what both ways differ (RFC 5905 §8)', () => {
  const slow = { sent: 1_000, heard: 6_090, answered: 6_090, back: 1_100, took: 100 }
  const fast = { sent: 2_000, heard: 7_005, answered: 7_006, back: 2_011, took: 11 }
  expect(clockOf([slow, fast])).toEqual({ ahead: 5_000, roundTrip: 10 })
})
