import { describe, expect, test } from 'vitest'
import { utf8 } from '../../src/base/utf8.ts'
import { settingOf, settings, tombstoneGrace } from '../../src/state/settings.ts'
import { Bench, describeNode, initialised } from './support.ts'

/** Events of a bench are a second apart. */
function bench(grace = '5s'): Bench {
  const made = new Bench()
  made.event(initialised)
  made.apply('SettingsChanged', { settings: { 'tombstone-grace': grace } })
  return made
}

function wait(made: Bench, seconds: number): void {
  for (let i = 0; i < seconds; i++) made.apply('RoleAssigned', { id: 'id-n1', roles: [`r${i}`] })
}

describe('collecting tombstones', () => {
  test('raises the epoch in the same event, and forgets who left', () => {
    const made = bench()
    made.apply('NodeLeft', { id: 'id-n3', reason: 'asked' })
    const through = made.state.applied
    wait(made, 6)
    expect(made.state.tombstones.has('id-n3')).toBe(true)
    const { outcome, event } = made.apply('TombstonesCollected', { epoch: 2, through })
    expect(outcome).toMatchObject({ ok: true, value: { epoch: 2, forgotten: 1 } })
    expect(event).toMatchObject({ type: 'TombstonesCollected', epoch: 2 })
    expect(made.state.tombstones.size).toBe(0)
    expect(made.state.cluster).toMatchObject({ epoch: 2, horizon: through })
    expect(made.state.epochAt(through)).toBe(1)
    expect(made.state.epochAt(made.state.applied)).toBe(2)
  })

  test('never forgets what is younger than the grace period, by the times in the log', () => {
    const made = bench()
    made.apply('NodeLeft', { id: 'id-n3', reason: 'asked' })
    const through = made.state.applied
    wait(made, 3)
    expect(made.apply('TombstonesCollected', { epoch: 2, through }).outcome).toMatchObject({
      ok: false,
      code: 'REFUSED',
    })
    wait(made, 3)
    made.apply('NodeLeft', { id: 'id-n2', reason: 'asked' })
    // All up to now would take the young one too.
    const all = { epoch: 2, through: made.state.applied }
    expect(made.apply('TombstonesCollected', all).outcome).toMatchObject({ ok: false })
    expect(made.apply('TombstonesCollected', { epoch: 2, through }).outcome).toMatchObject({
      ok: true,
    })
    expect([...made.state.tombstones.keys()]).toEqual(['id-n2'])
  })

  test('a second leader that proposes the same finds it done; an epoch cannot be jumped', () => {
    const made = bench()
    made.apply('NodeLeft', { id: 'id-n3', reason: 'asked' })
    const through = made.state.applied
    wait(made, 6)
    expect(made.apply('TombstonesCollected', { epoch: 3, through }).outcome.ok).toBe(false)
    made.apply('TombstonesCollected', { epoch: 2, through })
    const { outcome, event } = made.apply('TombstonesCollected', { epoch: 2, through })
    expect(outcome).toMatchObject({ ok: true, value: { repeated: true } })
    expect(event).toBeUndefined()
    // Nothing to forget: the epoch stays, and nobody has to bootstrap for nothing.
    expect(made.apply('TombstonesCollected', { epoch: 3, through }).outcome).toMatchObject({
      value: { repeated: true },
    })
    expect(made.state.cluster?.epoch).toBe(2)
  })

  test('graves of keys up to there become a floor, and no index runs backwards', () => {
    const made = bench()
    made.apply('KvPut', { key: 'a/1', value: utf8('x'), flags: 0 })
    made.apply('KvDelete', { key: 'a/1' })
    const went = made.state.kvIndex('a/', true)
    made.apply('NodeLeft', { id: 'id-n3', reason: 'asked' })
    const through = made.state.applied
    wait(made, 6)
    made.apply('KvPut', { key: 'b', value: utf8('x'), flags: 0 })
    made.apply('KvDelete', { key: 'b' })
    const later = made.state.kvIndex('b', false)
    made.apply('TombstonesCollected', { epoch: 2, through })
    expect(made.state.kvIndex('a/', true)).toBe(went)
    expect(made.state.kvIndex('b', false)).toBe(later)
    made.save()
    made.restart()
    expect(made.state.kvIndex('a/', true)).toBe(went)
    expect(made.state.cluster).toMatchObject({ epoch: 2, horizon: through })
  })
})

describe('a rescued quorum', () => {
  const recovered = {
    epoch: 2,
    metaVersion: 7,
    lineage: 99,
    voters: ['id-n1'],
    lost: ['id-n2', 'id-n3'],
    reason: 'fire in the rack',
  }

  test('raises epoch and meta version, names its lineage, and takes the lost for failed', () => {
    const made = bench()
    const { event } = made.apply('ClusterRecovered', recovered)
    expect(event).toMatchObject({ epoch: 2, data: recovered })
    expect(made.state.cluster).toMatchObject({
      epoch: 2,
      metaVersion: 7,
      lineage: 99,
      horizon: made.state.applied,
    })
    expect([...made.state.nodes.values()].map(n => `${n.name} ${n.phase}`)).toEqual([
      'n1 ready',
      'n2 failed',
      'n3 failed',
    ])
    expect(made.apply('ClusterRecovered', recovered).outcome).toMatchObject({
      value: { repeated: true },
    })
  })

  test('is refused without a newer epoch', () => {
    const made = bench()
    expect(made.apply('ClusterRecovered', { ...recovered, epoch: 1 }).outcome).toMatchObject({
      ok: false,
    })
  })
})

test('a node that came back is no tombstone that could be collected', () => {
  const made = bench('1s')
  made.apply('NodeLeft', { id: 'id-n3', reason: 'asked' })
  const through = made.state.applied
  made.apply('NodeAdmitted', { node: describeNode('n3', { incarnation: 2 }) })
  wait(made, 3)
  expect(made.apply('TombstonesCollected', { epoch: 2, through }).outcome).toMatchObject({
    value: { repeated: true },
  })
})

test('settings have defaults, and a value that cannot be counts as not set', () => {
  for (const { name, default: otherwise, wrong } of settings) {
    expect([name, wrong(otherwise)]).toEqual([name, undefined])
  }
  expect(tombstoneGrace({})).toBe(72 * 3_600_000)
  expect(tombstoneGrace({ 'tombstone-grace': '90s' })).toBe(90_000)
  expect(settingOf({ 'tombstone-grace': 'soon' }, 'tombstone-grace')).toBe('72h')
})
