import { expect, test } from 'vitest'
import type { Address } from '../../src/base/address.ts'
import { seeded } from '../../src/base/random.ts'
import type { Clock } from '../../src/base/time.ts'
import type { Links, RequestOutcome } from '../../src/net/link-types.ts'
import { createLinks } from '../../src/net/links.ts'
import { realSockets } from '../../src/net/real-sockets.ts'
import { idOf } from './links-world.ts'

/** The machine's own time: this is the one test of links that runs on real sockets. */
const clock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (delay, task) => {
    const timer = setTimeout(task, delay)
    return { cancel: () => clearTimeout(timer) }
  },
  soon: task => void setImmediate(task),
}

interface RealNode {
  readonly id: string
  readonly links: Links
  readonly heard: string[]
  readonly terms: number[]
  at: Address | undefined
}

function start(digit: number): RealNode {
  const heard: string[] = []
  const terms: number[] = []
  const id = idOf(digit)
  const links = createLinks({
    sockets: realSockets(),
    clock,
    random: seeded(digit),
    handlers: {
      listening: at => {
        node.at = at
      },
      hello: () => ({
        protocolMin: 1,
        protocolMax: 1,
        version: '0.1.0',
        id,
        name: `n${digit}`,
        address: { host: '', port: node.at?.port ?? 0 },
        incarnation: 1,
        roles: [],
        dc: '',
        busy: false,
        proof: {},
      }),
      validate: () => ({ outcome: 'welcome' }),
      connected: peer => heard.push(`connected ${peer.name}`),
      disconnected: (peer, why) => heard.push(`disconnected n${peer[0]}: ${why}`),
      dialFailed: (_, peer, { why }) => heard.push(`dial n${peer?.[0]} failed: ${why}`),
      raft: (_, message) => terms.push(message.term),
      swim() {},
      request: (_from, _method, body, blob, answer) => answer({ ok: true, body, blob }),
      notice() {},
      foreign: (_, why) => heard.push(`foreign ${why}`),
    },
  })
  const node: RealNode = { id, links, heard, terms, at: undefined }
  links.listen({ host: '127.0.0.1', port: 0 })
  return node
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it never happened')
    await new Promise(resolve => setImmediate(resolve))
  }
}

test('two nodes on loopback dial each other at once, talk, and part', async () => {
  const [a, b] = [start(1), start(2)]
  await until(() => a.at !== undefined && b.at !== undefined)
  a.links.setAddress(b.id, b.at!)
  b.links.setAddress(a.id, a.at!)
  a.links.connect(b.id)
  b.links.connect(a.id)
  await until(() => a.links.isConnected(b.id) && b.links.isConnected(a.id))

  const rounds = 20_000
  for (let term = 1; term <= rounds; term++) {
    const message = { type: 'heartbeat', from: a.id, to: b.id, term, commit: 0, round: 0 } as const
    expect(a.links.sendRaft(b.id, message)).toBe(true)
  }
  const outcomes: RequestOutcome[] = []
  const blob = new Uint8Array(5 * 2 ** 20).map((_, i) => i % 251)
  b.links.request(a.id, 'echo', { large: true }, 20_000, o => outcomes.push(o), blob)
  await until(() => b.terms.length === rounds && outcomes.length === 1)
  expect(b.terms.every((term, i) => term === i + 1)).toBe(true)
  const [outcome] = outcomes
  expect(outcome).toMatchObject({ ok: true, body: { large: true } })
  expect(outcome?.ok && Buffer.compare(outcome.blob!, blob)).toBe(0)
  expect(a.links.queued(b.id)).toBe(0)

  b.links.close()
  await until(() => !a.links.isConnected(b.id))
  expect(a.heard).toEqual(['connected n2', 'disconnected n2: closed'])
  expect(b.heard).toEqual(['connected n1'])
  a.links.connect(b.id)
  await until(() => a.heard.length > 2)
  expect(a.heard[2]).toBe('dial n2 failed: refused')
  a.links.close()
})
