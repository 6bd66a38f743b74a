import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect, createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import type { StatusReport } from '../../src/api/types.ts'
import { allReady, endsAgents, eventually, leaderOf, node } from '../support/agents.ts'
import { freePort } from '../support/ports.ts'
import { gossipKeyIn, ping, plainOf, said, sealed } from './packets.ts'
import { foreignCount, guarded, newSecret, settled } from './stage.ts'

/**
 * Somebody in the middle: n3 is reached through a relay that keeps all that it passes on, and says it again from the same
 * address: as it was, cut short and with a bit changed; after the sender has started anew, from the sender's own port while that
 * is dead, after n3 has forgotten what it heard, and after the key was rotated. Nothing of it counts.
 */

endsAgents()

const kept = 400
/** Of what is sent, at least so much arrives: a kernel may drop datagrams. */
const share = 0.9

interface Recorded {
  readonly bytes: Buffer
  /** Port of the member that said it. */
  readonly from: number
}

/** Forwards to `port` what comes in at `at`, datagrams and streams, and keeps what the diallers said. */
async function relay(at: number, port: number) {
  let datagrams: Recorded[] = []
  const streams: Buffer[][] = []
  const open = new Set<Socket>()
  const udp = createSocket('udp4')
  udp.on('message', (bytes, { port: from }) => {
    if (datagrams.length < kept) datagrams.push({ bytes, from })
    udp.send(bytes, port, '127.0.0.1')
  })
  await new Promise<void>(resolve => udp.bind(at, '127.0.0.1', resolve))
  const server = createServer(socket => {
    const said: Buffer[] = []
    streams.push(said)
    const to = connect(port, '127.0.0.1')
    for (const each of [socket, to]) {
      open.add(each)
      each.on('error', () => {}).on('close', () => [socket, to].map(s => s.destroy()))
    }
    socket.on('data', bytes => said.push(bytes))
    socket.pipe(to)
    to.pipe(socket)
  })
  await new Promise<void>(resolve => server.listen(at, '127.0.0.1', resolve))
  return {
    streams,
    /** What was said from now on, as much as is kept. */
    async record(): Promise<readonly Recorded[]> {
      datagrams = []
      await expect.poll(() => datagrams.length, { timeout: 120_000 }).toBe(kept)
      return datagrams
    },
    say: (bytes: Uint8Array) =>
      new Promise<void>(resolve => udp.send(bytes, port, '127.0.0.1', () => resolve())),
    close(): void {
      udp.close()
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}

/** As cut, altered and lengthened packets: none is what it was. */
function damaged(packet: Buffer): Buffer[] {
  const flipped = [2, 4, 6, 12, 20, packet.length - 5].map(at => {
    const bytes = Buffer.from(packet)
    bytes[at]! ^= 1
    return bytes
  })
  const cuts = [0, 1, 3, 4, 11, 40, packet.length - 1].map(n => packet.subarray(0, n))
  return [...flipped, ...cuts, Buffer.concat([packet, Buffer.alloc(1)])]
}

/** How many the agent heard a second time, as its status says; it says so from a hundred on. */
function copies({ self, notices }: StatusReport): number {
  const own = notices.find(n => n.startsWith(`${self}: `) && /packets heard before/.test(n))
  return Number(/(\d+) packets heard before/.exec(own ?? '')?.[1] ?? 0)
}

test('what was recorded is worth nothing: copies, pieces and altered packets, in datagrams and streams', async () => {
  const args = ['--secret-file', await newSecret('secret')]
  const middle = await freePort()
  const n1 = await node('n1', { args, http: false })
  const n2 = await node('n2', { args, http: false, join: [n1] })
  const advertised = [...args, '--advertise', `127.0.0.1:${middle}`]
  const n3 = await node('n3', { args: advertised, http: false, join: [n1] })
  const between = await relay(middle, n3.port)
  const figures: string[] = []
  try {
    const all = [n1, n2, n3]
    for (const agent of all) agent.start()
    for (const agent of all) await agent.sees({ n1: 'zombie', n2: 'zombie', n3: 'zombie' })
    expect(await n1.hive('init', '--name', 'prod')).toMatchObject({ code: 0 })
    await allReady(all)
    await settled(n1, 3)
    const recorded = await between.record()
    await leaderOf(all)
    const { cluster: before } = await n1.status()

    const replayed = async (what: string, say = between.say, list = recorded): Promise<void> => {
      const known = copies(await n3.status())
      for (const { bytes } of list) await say(bytes)
      const wanted = known + list.length * share
      const now = await eventually(
        `${what}: ${wanted} copies`,
        async () => copies(await n3.status()),
        n => n >= wanted,
      )
      figures.push(`${what}: ${list.length} said again, ${now - known} known as copies`)
    }
    // From the address that they came from.
    await replayed('from where they came')

    const known = foreignCount(await n3.status())
    let broken = 0
    for (const { bytes } of recorded) {
      for (const piece of damaged(bytes)) {
        // A key that is not there and the key of zombies are told apart; this one is nobody's news.
        if (piece.length > 4 && piece[4] === 0) continue
        await between.say(piece)
        broken++
      }
    }
    const counted = await eventually(
      `${broken} foreign packets`,
      async () => foreignCount(await n3.status()) - known,
      n => n >= broken * share,
    )
    figures.push(`cut and altered: ${broken} sent, ${counted} counted as foreign`)

    // From the sender's own port, while it is dead; it has another life then, and the old one stays over.
    const ofN2 = recorded.filter(r => r.from === n2.port)
    expect(ofN2.length).toBeGreaterThan(kept / 10)
    await n2.kill()
    const socket = createSocket('udp4')
    await new Promise<void>(resolve => socket.bind(n2.port, '127.0.0.1', resolve))
    const asN2 = (bytes: Uint8Array) =>
      new Promise<void>(resolve => socket.send(bytes, n3.port, '127.0.0.1', () => resolve()))
    await replayed('from its own port while it is dead', asN2, ofN2)
    await n1.reports('n2 does not look alive for that', ({ nodes }) =>
      nodes.some(n => n.name === 'n2' && /^(failed|unreachable)$/.test(n.state)),
    )
    await new Promise<void>(resolve => socket.close(() => resolve()))
    n2.start()
    await allReady(all)
    await replayed('after a restart of the sender', between.say, ofN2)

    const answers = await Promise.all(
      between.streams.map(
        said =>
          new Promise<'closed'>(resolve => {
            const again = connect(n3.port, '127.0.0.1')
            again.on('error', () => {}).on('close', () => resolve('closed'))
            again.resume()
            for (const bytes of said) again.write(bytes)
            // Whoever says the first flight again cannot finish the handshake: it is hung up on.
          }),
      ),
    )
    expect(new Set(answers)).toEqual(new Set(['closed']))
    figures.push(`${answers.length} streams said again, all hung up on`)

    // A node that starts anew has forgotten what it heard: it hears old packets once, and they are old news.
    await n3.stop()
    n3.start()
    await allReady(all)
    for (const { bytes } of recorded) await between.say(bytes)
    await replayed('after a restart of the receiver, the second time')
    await allReady(all)

    expect(await n1.hive('keys', 'rotate')).toMatchObject({ code: 0 })
    await eventually(
      'the rotation is over',
      () => n1.client.keys(),
      ({ primary, keys }) => keys.length === 1 && primary > 1,
    )
    await eventually(
      'and n3 has only the new key',
      async () => {
        const before = foreignCount(await n3.status())
        for (const { bytes } of recorded) await between.say(bytes)
        return foreignCount(await n3.status()) - before
      },
      n => n >= kept * share,
    )
    figures.push('after a rotation of the key: foreign, all of them')
    await allReady(all)
    const { cluster: after, nodes } = await n1.status()
    expect([after.epoch, after.tag]).toEqual([before.epoch, before.tag])
    expect(nodes.map(n => n.name)).toEqual(['n1', 'n2', 'n3'])
    const { events } = await n1.client.log({ from: 1, limit: 1_000 })
    const failed = events.filter(e => e.type === 'NodeFailed').map(e => e.data as { id: string })
    const idOfN2 = nodes.find(n => n.name === 'n2')!.id
    // Only who really was dead.
    expect(failed.every(({ id }) => id === idOfN2)).toBe(true)
    expect(await n2.hive('kv', 'put', 'still', 'works')).toMatchObject({ code: 0 })
    console.log(`${figures.join('\n')}\n${(await n3.status()).notices.join('; ')}`)
  } finally {
    between.close()
  }
})

test('of what has the right key and number, each counts once, and nothing that is older than the window', async () => {
  const { leader, other, all } = await guarded()
  const { nodes, cluster } = await leader.status()
  const idOf = (name: string) => nodes.find(n => n.name === name)!.id
  const quiet = all.find(agent => agent !== leader && agent !== other)!
  const key = gossipKeyIn(leader.dir)
  const plain = plainOf(idOf(quiet.name), cluster.tag!, ping(idOf(other.name)))
  const boot = randomBytes(6)
  const answers: (readonly [number, number])[] = []
  // Far ahead; inside the window and never heard; outside of it and never heard; and each of them again.
  for (const number of [10, 5_000, 4_999, 3_977, 3_976, 11, 10, 5_000, 4_999, 5_001])
    answers.push([number, (await said(other.port, [sealed(key, plain, { boot, number })])).answers])
  expect(answers).toEqual([
    ...[
      [10, 1],
      [5_000, 1],
      [4_999, 1],
      [3_977, 1],
      [3_976, 0],
    ],
    ...[
      [11, 0],
      [10, 0],
      [5_000, 0],
      [4_999, 0],
      [5_001, 1],
    ],
  ])
  await allReady(all)
})
