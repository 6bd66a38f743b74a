import { createSocket } from 'node:dgram'
import { writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { allReady, endsAgents, hive, leaderOf, node, place } from '../support/agents.ts'
import { freePort } from '../support/ports.ts'

/**
 * Somebody in the middle: n3 is reached through a relay that keeps all that it passes on, and says it again, as it was, cut
 * short and with a bit changed. Nothing of it counts.
 */

endsAgents()

const kept = 400

/** Forwards to `port` what comes in at `at`, datagrams and streams, and keeps what the diallers said. */
async function relay(at: number, port: number) {
  const datagrams: Buffer[] = []
  const streams: Buffer[][] = []
  const open = new Set<Socket>()
  const udp = createSocket('udp4')
  udp.on('message', bytes => {
    if (datagrams.length < kept) datagrams.push(bytes)
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
  const close = (): void => {
    udp.close()
    server.close()
    for (const socket of open) socket.destroy()
  }
  return { datagrams, streams, close }
}

test('what was recorded is worth nothing: copies, pieces and altered packets, in datagrams and streams', async () => {
  const file = join(place(), 'secret')
  writeFileSync(file, (await hive({}, 'secret', 'new')).stdout, { mode: 0o600 })
  const args = ['--secret-file', file]
  const middle = await freePort()
  const n1 = await node('n1', { args, http: false })
  const n2 = await node('n2', { args, http: false, join: [n1] })
  const advertised = [...args, '--advertise', `127.0.0.1:${middle}`]
  const n3 = await node('n3', { args: advertised, http: false, join: [n1] })
  const { datagrams, streams, close } = await relay(middle, n3.port)
  try {
    const all = [n1, n2, n3]
    for (const agent of all) agent.start()
    for (const agent of all) await agent.sees({ n1: 'zombie', n2: 'zombie', n3: 'zombie' })
    expect(await n1.hive('init', '--name', 'prod')).toMatchObject({ code: 0 })
    await allReady(all)
    await expect.poll(() => datagrams.length, { timeout: 60_000 }).toBe(kept)
    await leaderOf(all)
    const { cluster: before } = await n1.status()

    const socket = createSocket('udp4')
    const send = (bytes: Uint8Array) =>
      new Promise<void>(resolve => socket.send(bytes, n3.port, '127.0.0.1', () => resolve()))
    let said = 0
    for (const packet of datagrams) {
      const altered = Buffer.from(packet)
      altered[packet.length - 5]! ^= 1
      const cuts = [3, 4, 11, 40, packet.length - 1].map(n => packet.subarray(0, n))
      for (const bytes of [packet, altered, ...cuts]) {
        await send(bytes)
        said++
      }
    }
    socket.close()
    const answers = await Promise.all(
      streams.map(
        recorded =>
          new Promise<'closed'>(resolve => {
            const again = connect(n3.port, '127.0.0.1')
            again.on('error', () => {}).on('close', () => resolve('closed'))
            again.resume()
            for (const bytes of recorded) again.write(bytes)
            // Whoever says the first flight again cannot finish the handshake: it is hung up on.
          }),
      ),
    )
    expect(new Set(answers)).toEqual(new Set(['closed']))
    const { notices } = await n3.reports('somebody knocked', report =>
      report.notices.some(n => /foreign packets?/.test(n)),
    )
    console.log(`${said} datagrams, ${streams.length} streams; ${notices.join('; ')}`)
    await allReady(all)
    const { cluster: after, nodes } = await n1.status()
    expect([after.term, after.leader, after.epoch]).toEqual([
      before.term,
      before.leader,
      before.epoch,
    ])
    expect(nodes.map(n => n.name)).toEqual(['n1', 'n2', 'n3'])
    expect(await n2.hive('kv', 'put', 'still', 'works')).toMatchObject({ code: 0 })
  } finally {
    close()
  }
})
