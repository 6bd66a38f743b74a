import { beforeEach, describe, expect, it } from 'vitest'
import type { Host, Role, RoleKnown, RoleStep } from '../../src/roles/role.ts'
import { RoleRunner } from '../../src/roles/runner.ts'
import { FakeHost, settle } from './fake-host.ts'

let host: FakeHost
let told: string[]
let applied: string[]
/** What the role does at each step; the default is nothing. */
let act: (step: RoleStep, host: Host) => Promise<void> | void
let plans: (known: RoleKnown) => readonly string[]

const role: Role<undefined> = {
  name: 'test',
  description: '',
  kind: 'producer',
  provides: [],
  requires: [],
  needsForBootstrap: [],
  parse: () => ({ config: undefined }),
  plan: known => plans(known).map(what => ({ what })),
  async apply(step, lent) {
    applied.push(step.what)
    await act(step, lent)
  },
}

function runner(): RoleRunner<undefined> {
  return new RoleRunner({
    role,
    config: undefined,
    host,
    clock: host.clock,
    known: () => ({ self: { id: '1', name: 'n1', address: 'a', dc: 'dc1' }, peers: [] }),
    memory: () => ({}),
    changed: (state, detail) => told.push(detail === '' ? state : `${state}: ${detail}`),
  })
}

beforeEach(() => {
  host = new FakeHost()
  told = []
  applied = []
  act = () => {}
  plans = ({ goal }) => [`${goal} 1`, `${goal} 2`]
})

describe('a role on a node', () => {
  it('goes from assigned to stopped, step by step', async () => {
    const one = runner()
    expect(one.state).toBe('assigned')
    one.start()
    await settle()
    one.drain()
    await settle()
    await one.stop()
    expect(told).toEqual(['bootstrapping', 'running', 'draining', 'drained', 'stopped'])
    expect(applied).toEqual(['run 1', 'run 2', 'drain 1', 'drain 2', 'stop 1', 'stop 2'])
    one.start()
    one.drain()
    await settle()
    expect(one.state).toBe('stopped')
  })

  it('turns red when a step throws, and tries again with growing patience', async () => {
    act = () => {
      throw new Error('no disk')
    }
    const one = runner()
    one.start()
    await settle()
    expect(told).toEqual(['bootstrapping', 'failed: no disk'])
    const attempts: number[] = []
    for (let second = 1; second <= 200; second++) {
      const before = applied.length
      await host.clock.pass(1000)
      if (applied.length > before) attempts.push(second)
    }
    expect(attempts).toEqual([1, 3, 7, 15, 31, 63, 123, 183])
    act = () => {}
    await host.clock.pass(60_000)
    expect(told).toEqual(['bootstrapping', 'failed: no disk', 'running'])
  })

  it('survives a plan that throws', async () => {
    plans = () => {
      throw new TypeError('peers is undefined')
    }
    const one = runner()
    one.start()
    await settle()
    expect(told.at(-1)).toBe('failed: peers is undefined')
  })

  it('gives up on a step without an end', async () => {
    act = step => (step.what === 'run 2' ? new Promise(() => {}) : undefined)
    const one = runner()
    one.start()
    await host.clock.pass(60_000)
    expect(told.at(-1)).toBe('failed: run 2: no end after 60 s')
    act = () => {}
    await host.clock.pass(1000)
    expect(one.state).toBe('running')
    expect(host.clock.pending).toBe(0)
  })

  it('keeps trying to drain, and says so', async () => {
    let broken = true
    act = ({ what }) => {
      if (broken && what === 'drain 2') throw new Error('busy')
    }
    const one = runner()
    one.start()
    await settle()
    one.drain()
    await settle()
    expect(told.at(-1)).toBe('draining: tried in vain: busy')
    broken = false
    await host.clock.pass(1000)
    expect(told.at(-1)).toBe('drained')
  })

  it('lets the step under way finish before a new goal', async () => {
    let release = () => {}
    act = ({ what }) =>
      what === 'run 1'
        ? new Promise<void>(resolve => {
            release = resolve
          })
        : undefined
    const one = runner()
    one.start()
    await settle()
    one.drain()
    await settle()
    expect(applied).toEqual(['run 1'])
    release()
    await settle()
    expect(applied).toEqual(['run 1', 'drain 1', 'drain 2'])
    expect(told).toEqual(['bootstrapping', 'draining', 'drained'])
  })

  it('takes a drain back', async () => {
    const one = runner()
    one.start()
    await settle()
    one.drain()
    one.start()
    await settle()
    expect(told).toEqual(['bootstrapping', 'running', 'draining', 'bootstrapping', 'running'])
  })

  it('plans again when the cluster changed, also in the middle of a plan', async () => {
    const one = runner()
    one.start()
    one.reconsider()
    await settle()
    expect(applied).toEqual(['run 1', 'run 1', 'run 2'])
    one.reconsider()
    await settle()
    expect(applied).toEqual(['run 1', 'run 1', 'run 2', 'run 1', 'run 2'])
    expect(told).toEqual(['bootstrapping', 'running'])
  })

  it('shows what the role says of its health', async () => {
    let lent: Host | undefined
    act = (_, given) => {
      lent = given
    }
    const one = runner()
    one.start()
    await settle()
    lent!.health('failed', 'replication broke')
    lent!.health('running', '')
    expect(told).toEqual(['bootstrapping', 'running', 'failed: replication broke', 'running'])
    one.drain()
    await settle()
    lent!.health('failed', 'too late')
    expect(one.state).toBe('drained')
  })

  it('is red after a start during which the role turned red', async () => {
    act = (_, lent) => lent.health('failed', 'a file is wrong')
    const one = runner()
    one.start()
    await settle()
    expect(told).toEqual(['bootstrapping', 'failed: a file is wrong'])
  })

  it('isolates timers: what they throw turns the role red until they no longer do', async () => {
    let fail = true
    act = ({ what }, lent) => {
      if (what !== 'run 1') return
      lent.every(100, async () => {
        if (fail) throw new Error('lost')
      })
    }
    const one = runner()
    one.start()
    await host.clock.pass(100)
    expect(told.at(-1)).toBe('failed: lost')
    fail = false
    await host.clock.pass(100)
    expect(told.at(-1)).toBe('running')
    await one.stop()
    expect(host.clock.pending).toBe(0)
  })

  it('stops although stopping fails, and says so', async () => {
    act = ({ what }) => {
      if (what.startsWith('stop')) throw new Error('x'.repeat(1000))
    }
    const one = runner()
    one.start()
    await settle()
    await one.stop()
    expect(one.state).toBe('stopped')
    expect(one.detail).toHaveLength(300)
  })

  it('lets go of everything at once when the agent goes down', async () => {
    act = (_, lent) => void lent.every(100, async () => {})
    const one = runner()
    one.start()
    await settle()
    const stopped = one.stop()
    one.close()
    await stopped
    expect(host.clock.pending).toBe(0)
    expect(told).toEqual(['bootstrapping', 'running'])
  })
})
