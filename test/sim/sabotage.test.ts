import { expect, test } from 'vitest'
import type { Backend } from '../../src/api/types.ts'
import type { GroupStore, Storage } from '../../src/store/types.ts'
import type { AgentParts, MakeAgent, SimulatedAgent } from './cluster.ts'
import type { SimulatedStorage } from './disk.ts'
import { planeVariant } from './plane-variant.ts'
import { runScenario, type Variant } from './scenario.ts'
import { plainDay } from './settings.ts'

/** A checker that has never caught anybody proves nothing: here the simulator meets agents with known faults. */
function sabotaged(
  change: (parts: AgentParts) => AgentParts,
  corrupt: (agent: SimulatedAgent, parts: AgentParts) => SimulatedAgent = agent => agent,
): Variant {
  return {
    ...planeVariant,
    make: (names, ipOf): MakeAgent => {
      const make = planeVariant.make(names, ipOf)
      return (parts, node) => corrupt(make(change(parts), node), parts)
    },
  }
}

/** The first complaint in at most `seeds` runs. */
async function complaint(variant: Variant, seeds: number): Promise<string> {
  for (let seed = 1; seed <= seeds; seed++) {
    const { failure } = await runScenario(variant, plainDay(seed * 5, 2, 3))
    if (failure !== undefined) return failure.message
  }
  return 'nothing found'
}

/** The same storage, but for what `change` replaces in an open group. */
function withStore(
  storage: SimulatedStorage,
  change: (store: GroupStore) => Partial<GroupStore>,
): SimulatedStorage {
  const openGroup: Storage['openGroup'] = failed => {
    const { loaded, store } = storage.openGroup(failed)
    const changed = change(store)
    const proxy = new Proxy(store, {
      get(target, name) {
        const value = (changed as Record<PropertyKey, unknown>)[name] ?? Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    return { loaded, store: proxy }
  }
  return new Proxy(storage, {
    get(target, name) {
      if (name === 'openGroup') return openGroup
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

test('a disk that says "durable" too early is caught', async () => {
  const liar = sabotaged(parts => ({
    ...parts,
    storage: withStore(parts.storage, store => ({
      write(batch, done) {
        store.write(batch, () => {})
        parts.clock.soon(() => done())
      },
    })),
  }))
  expect(await complaint(liar, 5)).toMatch(/durable on \d of \d|committed|leaves a gap/)
})

test('a disk that forgets terms and votes is caught', async () => {
  const forgetful = sabotaged(parts => ({
    ...parts,
    storage: withStore(parts.storage, store => ({
      write(batch, done) {
        const { hardState: _, ...rest } = batch
        store.write(rest, done)
      },
    })),
  }))
  expect(await complaint(forgetful, 10)).toMatch(/two leaders|committed|term/)
})

test('reads that do not ask a quorum are caught', async () => {
  const stale = sabotaged(
    parts => parts,
    agent => ({
      start: () => agent.start(),
      stop: done => agent.stop(done),
      raftStatus: () => agent.raftStatus(),
      swimMembers: () => agent.swimMembers(),
      get state() {
        return agent.state
      },
      get backend(): Backend {
        const kvRead: Backend['kvRead'] = async (query, ...more) => {
          if (query.index) return agent.backend.kvRead(query, ...more)
          const { key } = query
          const state = agent.state as unknown as { kvGet(key: string): never | undefined }
          const entry = state.kvGet(key)
          return { entries: entry === undefined ? [] : [entry], index: 1, leaderKnown: true }
        }
        return { ...agent.backend, kvRead }
      },
    }),
  )
  expect(await complaint(stale, 5)).toMatch(/not linearizable/)
})

test('a write that takes effect twice is caught', async () => {
  const twice = sabotaged(
    parts => parts,
    (agent, { clock }) => ({
      start: () => agent.start(),
      stop: done => agent.stop(done),
      raftStatus: () => agent.raftStatus(),
      swimMembers: () => agent.swimMembers(),
      get state() {
        return agent.state
      },
      get backend(): Backend {
        const { backend } = agent
        const kvPut: Backend['kvPut'] = request => {
          const again = () => void backend.kvPut(request).catch(() => {})
          if (request.cas === undefined) clock.after(700, again)
          return backend.kvPut(request)
        }
        return { ...backend, kvPut }
      },
    }),
  )
  expect(await complaint(twice, 3)).toMatch(/not linearizable/)
})

test('states that drift apart are caught', async () => {
  let boots = 0
  const drifting = sabotaged(
    parts => parts,
    agent => {
      const mine = ++boots
      return {
        start: () => agent.start(),
        stop: done => agent.stop(done),
        raftStatus: () => agent.raftStatus(),
        swimMembers: () => agent.swimMembers(),
        backend: agent.backend,
        get state() {
          const { state } = agent
          if (state === undefined) return undefined
          const { applied, nodes, tombstones, cluster, voters, observers } = state
          const drift = mine === 2 && applied > 200 ? '!' : ''
          const fingerprint = () => state.fingerprint() + drift
          return { applied, nodes, tombstones, cluster, voters, observers, fingerprint }
        },
      }
    },
  )
  expect(await complaint(drifting, 2)).toMatch(/state at \d+ differs/)
})
