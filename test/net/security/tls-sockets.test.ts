import net from 'node:net'
import tls from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import type { Address } from '../../../src/base/address.ts'
import { tlsSockets } from '../../../src/net/real-tls-sockets.ts'
import type { Credentials } from '../../../src/net/security/credentials.ts'
import { outOfTime } from '../../../src/net/security/real-proved.ts'
import { newSecret } from '../../../src/net/security/secret.ts'
import { keyFingerprint, newKey } from '../../../src/net/security/x509.ts'
import type { CloseReason, Connection, Disbelief, PeerIdentity } from '../../../src/net/types.ts'
import { describeSockets } from '../../contract/sockets.ts'
import { holderOf, makeCluster, memberOf, tokenFor } from './papers.ts'

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it never happened')
    await turn()
  }
}

const prod = makeCluster('prod')
const other = makeCluster('other')
const secret = newSecret()
const a = memberOf(prod, 'a')
const b = memberOf(prod, 'b')

describeSockets('TLS', () => ({
  here: tlsSockets(() => ({ member: a })),
  there: tlsSockets(() => ({ member: b })),
  hereHost: '127.0.0.1',
  thereHost: '127.0.0.1',
  until,
  pass: async () => {
    for (let i = 0; i < 50; i++) await turn()
  },
  close: () => {},
}))

describe('who meets whom', () => {
  const open: { close(): void }[] = []
  const connections: Connection[] = []
  afterEach(() => {
    for (const c of connections.splice(0)) c.destroy()
    for (const o of open.splice(0)) o.close()
  })

  interface Server {
    at: Address
    accepted: (PeerIdentity | undefined)[]
    refused: Disbelief[]
    heard: string[]
  }

  async function serve(credentials: () => Credentials, lastWord?: string): Promise<Server> {
    const server: Server = { at: { host: '', port: 0 }, accepted: [], refused: [], heard: [] }
    open.push(
      tlsSockets(credentials).listen(
        { host: '127.0.0.1', port: 0 },
        {
          listening: at => {
            server.at = at
          },
          accepted: connection => {
            connections.push(connection)
            server.accepted.push(connection.identity?.())
            return {
              opened() {},
              received: bytes => void server.heard.push(Buffer.from(bytes).toString()),
              drained() {},
              closed() {},
            }
          },
          refused: (_from, no) => {
            server.refused.push(no)
            return lastWord === undefined ? undefined : Buffer.from(lastWord)
          },
          failed: error => {
            throw error
          },
        },
      ),
    )
    await until(() => server.at.port > 0)
    return server
  }

  /** What became of a dial: who answered, or why nobody did; a word is sent as soon as it is open. */
  async function meet(dialler: Credentials, server: Server): Promise<PeerIdentity | CloseReason> {
    let opened: PeerIdentity | undefined
    let why: CloseReason | undefined
    const connection: Connection = tlsSockets(() => dialler).dial(server.at, {
      opened: () => {
        opened = connection.identity?.()
        connection.write(Buffer.from('word'))
      },
      received() {},
      drained() {},
      closed: reason => {
        why = reason
      },
    })
    connections.push(connection)
    await until(() => why !== undefined || (opened !== undefined && server.accepted.length > 0))
    return why ?? opened!
  }

  test('two members know each other by id, key and certificate', async () => {
    const server = await serve(() => ({ member: b }))
    const met = await meet({ member: a }, server)
    expect(met).toMatchObject({ kind: 'node', id: 'b', tag: 'prod', key: keyFingerprint(b.key) })
    expect(server.accepted).toMatchObject([
      { kind: 'node', id: 'a', tag: 'prod', key: keyFingerprint(a.key) },
    ])
  })

  test('two holders of the secret', async () => {
    const server = await serve(() => ({ secret: holderOf(secret, 'z2') }))
    expect(await meet({ secret: holderOf(secret, 'z1') }, server)).toMatchObject({
      kind: 'secret',
      id: 'z2',
    })
    expect(server.accepted).toMatchObject([{ kind: 'secret', id: 'z1' }])
  })

  test('a member meets a zombie by the secret, and the other way round', async () => {
    const zombie = { secret: holderOf(secret, 'z') }
    const member = { member: a, secret: holderOf(secret, 'a', a.key) }
    const atZombie = await serve(() => zombie)
    expect(await meet(member, atZombie)).toMatchObject({ kind: 'secret', id: 'z' })
    const atMember = await serve(() => member)
    expect(await meet(zombie, atMember)).toMatchObject({
      kind: 'secret',
      id: 'a',
      key: keyFingerprint(a.key),
    })
    expect(atMember.accepted).toMatchObject([{ kind: 'secret', id: 'z' }])
  })

  test('a joiner with a token knows whom it asks, and is nobody itself', async () => {
    const server = await serve(() => ({ member: b }))
    expect(await meet({ token: tokenFor(prod) }, server)).toMatchObject({
      kind: 'node',
      id: 'b',
      tag: 'prod',
    })
    expect(server.accepted).toEqual([{ kind: 'anonymous' }])
  })

  test('a token of another cluster finds nobody', async () => {
    const server = await serve(() => ({ member: b }))
    expect(await meet({ token: tokenFor(other) }, server)).toBe('foreign')
    expect(server.heard).toEqual([])
  })

  const strangers: [string, () => Credentials][] = [
    ['a member of another cluster', () => ({ member: memberOf(other, 'a') })],
    [
      'one who believes us and has papers of another cluster',
      () => ({ member: memberOf(other, 'a', { trusting: [prod.authority.certificate] }) }),
    ],
    ['another secret', () => ({ secret: holderOf(newSecret(), 'a') })],
    ['an expired certificate', () => ({ member: memberOf(prod, 'a', { to: Date.now() - 1000 }) })],
    [
      'a certificate of tomorrow',
      () => ({ member: memberOf(prod, 'a', { from: Date.now() + 3_600_000 }) }),
    ],
    ['nothing at all', () => ({})],
  ]
  test.each(strangers)('%s is refused, and not a byte of it is read', async (_name, papers) => {
    const server = await serve(() => ({ member: b, secret: holderOf(secret, 'b', b.key) }))
    await meet(papers(), server)
    for (let i = 0; i < 50; i++) await turn()
    expect(server.accepted).toEqual([])
    expect(server.heard).toEqual([])
  })

  test('whose certificate has run out and who has the secret comes by the secret, at the first dial', async () => {
    const papers = { secret: holderOf(secret, 'b', b.key) }
    const server = await serve(() => ({ member: b, ...papers }))
    const member = memberOf(prod, 'a', { to: Date.now() - 1000 })
    expect(await meet({ member, secret: holderOf(secret, 'a', member.key) }, server)).toMatchObject(
      { kind: 'secret', id: 'b' },
    )
    expect(server.accepted).toMatchObject([{ kind: 'secret', id: 'a' }])
  })

  test('whose authority the other end has forgotten, and who believes that end, comes by the secret', async () => {
    const next = makeCluster('prod')
    const papers = { secret: holderOf(secret, 'b', b.key) }
    const server = await serve(() => ({ member: memberOf(next, 'b'), ...papers }))
    const trusting = [prod.authority.certificate, next.authority.certificate]
    const member = memberOf(prod, 'a', { trusting })
    const credentials = { member, secret: holderOf(secret, 'a', member.key) }
    let opened = 0
    const connection = tlsSockets(() => credentials).dial(server.at, {
      opened: () => {
        opened++
        connection.write(Buffer.from('word'))
      },
      received() {},
      drained() {},
      closed() {},
    })
    connections.push(connection)
    await until(() => server.heard.length > 0)
    expect(connection.identity?.()).toMatchObject({ kind: 'secret', id: 'b' })
    expect(server.accepted).toMatchObject([{ kind: 'secret', id: 'a' }])
    expect([opened, server.heard.join('')]).toEqual([1, 'word'])
  })

  test.each(['has run out', 'is of a retired authority'])(
    'whose certificate %s hears a last word from the end that it believes',
    async what => {
      const next = makeCluster('prod')
      const over = what === 'has run out'
      const server = await serve(() => ({ member: over ? b : memberOf(next, 'b') }), 'a last word')
      const heard: string[] = []
      let ended = false
      const trusting = [prod.authority.certificate, next.authority.certificate]
      const member = memberOf(prod, 'a', over ? { to: Date.now() - 1000 } : { trusting })
      const connection = tlsSockets(() => ({ member })).dial(server.at, {
        opened: () => connection.write(Buffer.from('word')),
        received: bytes => void heard.push(Buffer.from(bytes).toString()),
        drained() {},
        closed: () => {
          ended = true
        },
      })
      connections.push(connection)
      await until(() => ended)
      expect(heard.join('')).toBe('a last word')
      if (over) expect(server.refused).toEqual([{ ...outOfTime, named: 'a' }])
      else
        expect(server.refused).toMatchObject([
          { named: 'a', why: expect.stringContaining('refused') },
        ])
      expect([server.accepted, server.heard]).toEqual([[], []])
    },
  )

  test('the secret makes nobody a member: its authority is not that of the cluster', async () => {
    const key = newKey()
    const forged = {
      ...holderOf(secret, 'a', key),
      tag: 'prod',
      authorities: [prod.authority.certificate],
    }
    const server = await serve(() => ({ member: b, secret: holderOf(secret, 'b') }))
    await meet({ member: forged }, server)
    for (let i = 0; i < 50; i++) await turn()
    expect(server.accepted).toEqual([])
    expect(server.refused[0]?.why).toMatch(/certificate refused/)
  })

  test('a node that got its certificate is a member from the next connection on', async () => {
    let credentials: Credentials = { secret: holderOf(secret, 'b', b.key) }
    const server = await serve(() => credentials)
    const dialler = { member: a, secret: holderOf(secret, 'a', a.key) }
    expect(await meet(dialler, server)).toMatchObject({ kind: 'secret' })
    credentials = { ...credentials, member: b }
    server.accepted.length = 0
    expect(await meet(dialler, server)).toMatchObject({ kind: 'node', id: 'b' })
  })

  test('while authorities change, members of the old and of the new one meet', async () => {
    const next = makeCluster('prod')
    const trusting = [prod.authority.certificate, next.authority.certificate]
    const server = await serve(() => ({ member: memberOf(prod, 'b', { trusting }) }))
    expect(await meet({ member: memberOf(next, 'a', { trusting }) }, server)).toMatchObject({
      kind: 'node',
      id: 'b',
    })
    expect(server.accepted).toMatchObject([{ kind: 'node', id: 'a' }])
  })

  test('who was away while they changed, and has no secret, meets those who know themselves by the old one', async () => {
    const next = makeCluster('prod')
    const trusting = [prod.authority.certificate, next.authority.certificate]
    const key = newKey()
    const changed = {
      member: memberOf(next, 'b', { trusting, key }),
      former: memberOf(prod, 'b', { trusting, key }),
    }
    const away = { member: a, former: a }
    const met = { kind: 'node', tag: 'prod' }
    const server = await serve(() => changed)
    expect(await meet(away, server)).toMatchObject({ ...met, id: 'b', key: keyFingerprint(key) })
    expect(server.accepted).toMatchObject([{ ...met, id: 'a' }])
    const found = await serve(() => away)
    expect(await meet(changed, found)).toMatchObject({ ...met, id: 'a' })
    await until(() => found.accepted.length > 0)
    expect(found.accepted).toMatchObject([{ ...met, id: 'b', key: keyFingerprint(key) }])
    expect(await meet({ member: a }, server)).toBe('untrusted')
  })

  test('an end that speaks no TLS is refused, counted, and hears nothing', async () => {
    const server = await serve(() => ({ member: b }))
    const socket = net.connect(server.at.port, '127.0.0.1')
    const heard: Buffer[] = []
    let closed = false
    socket
      .on('data', bytes => heard.push(bytes))
      .on('close', () => {
        closed = true
      })
    socket.on('error', () => {})
    socket.write('GET / HTTP/1.1\r\n\r\n')
    await until(() => closed)
    expect(server.refused).toHaveLength(1)
    // At most a TLS alert.
    expect(Buffer.concat(heard).length).toBeLessThanOrEqual(7)
  })

  test('TLS 1.2 is refused', async () => {
    const server = await serve(() => ({ member: b }))
    const socket = tls.connect({
      port: server.at.port,
      host: '127.0.0.1',
      servername: 'member.hive',
      maxVersion: 'TLSv1.2',
      rejectUnauthorized: false,
      cert: a.chain,
      key: a.key,
    })
    let error: Error | undefined
    socket.on('error', e => {
      error = e
    })
    await until(() => error !== undefined)
    expect(server.accepted).toEqual([])
  })

  test('connections that say nothing make room, oldest first', async () => {
    const server = await serve(() => ({ member: b }))
    const silent: net.Socket[] = []
    let gone = 0
    for (let i = 0; i < 300; i++) {
      const socket = net.connect(server.at.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.on('close', () => gone++)
      silent.push(socket)
    }
    await until(() => gone >= 44)
    expect(await meet({ member: a }, server)).toMatchObject({ kind: 'node', id: 'b' })
    for (const socket of silent) socket.destroy()
  })

  test('who connects and says nothing is hung up on, and costs no TLS until then', async () => {
    const server = await serve(() => ({ member: b }))
    const silent = net.connect(server.at.port, '127.0.0.1')
    const slow = net.connect(server.at.port, '127.0.0.1')
    let gone = 0
    for (const socket of [silent, slow]) socket.on('error', () => {}).on('close', () => gone++)
    slow.once('connect', () => slow.write(Buffer.from([0x16, 3, 1])))
    await until(() => gone === 2)
    expect(server.refused.map(no => no.why).toSorted()).toEqual([
      'connects and says nothing',
      'no handshake: ERR_TLS_HANDSHAKE_TIMEOUT',
    ])
  }, 20_000)

  describe('a handshake that is cut, as by an end that is killed in the middle of it', () => {
    /** Lets so many bytes of the server through to the dialler, and then hangs up in that manner. */
    async function cutAfter(
      bytes: number,
      how: 'end' | 'destroy' | 'reset',
      to: Server,
    ): Promise<Server> {
      let at: Address | undefined
      const relay = net.createServer(here => {
        const there = net.connect(to.at.port, '127.0.0.1')
        let passed = 0
        const cut = () => {
          if (how === 'end') here.end()
          else if (how === 'destroy') here.destroy()
          else here.resetAndDestroy()
          there.destroy()
        }
        here.on('error', () => {}).on('data', piece => (bytes === 0 ? cut() : there.write(piece)))
        there
          .on('error', () => {})
          .on('data', piece => {
            const rest = piece.subarray(0, bytes - passed)
            passed += rest.length
            here.write(rest, () => passed >= bytes && cut())
          })
      })
      relay.listen(0, '127.0.0.1', () => {
        at = relay.address() as net.AddressInfo & Address
      })
      open.push(relay)
      await until(() => at !== undefined)
      return { ...to, at: { host: '127.0.0.1', port: at!.port } }
    }

    test.each(['end', 'destroy', 'reset'] as const)('is no distrust (%s)', async how => {
      const server = await serve(() => ({ member: b, secret: holderOf(secret, 'b') }))
      const dialler = { member: a, secret: holderOf(secret, 'a') }
      for (const bytes of [0, 1, 200, 700, 1200])
        expect([bytes, await meet(dialler, await cutAfter(bytes, how, server))]).toEqual([
          bytes,
          'reset',
        ])
      expect(await meet(dialler, server)).toMatchObject({ kind: 'node', id: 'b' })
    })

    /** Changes a byte of what that end says once it is sealed, so that nobody can say who spoilt it. */
    async function spoilt(by: 'server' | 'dialler', to: Server): Promise<Server> {
      let at: Address | undefined
      const relay = net.createServer(here => {
        const there = net.connect(to.at.port, '127.0.0.1')
        const pass = (from: net.Socket, into: net.Socket, spoil: boolean): void => {
          let pieces = 0
          from
            .on('error', () => {})
            .on('close', () => into.destroy())
            .on('data', piece => {
              // The end of a server's first flight and all of a dialler's second one are sealed.
              if (spoil && pieces++ === (by === 'server' ? 0 : 1))
                piece[by === 'server' ? piece.length - 20 : 40]! ^= 1
              into.write(piece)
            })
        }
        pass(here, there, by === 'dialler')
        pass(there, here, by === 'server')
      })
      relay.listen(0, '127.0.0.1', () => {
        at = relay.address() as net.AddressInfo & Address
      })
      open.push(relay)
      await until(() => at !== undefined)
      return { ...to, at: { host: '127.0.0.1', port: at!.port } }
    }

    test.each(['server', 'dialler'] as const)(
      'nor is one that is spoilt on the way (%s)',
      async by => {
        const server = await serve(() => ({ member: b }))
        expect(await meet({ member: a }, await spoilt(by, server))).toMatch(/^(closed|reset)$/)
        expect(server.accepted).toEqual([])
      },
    )

    test('while an alert, or a certificate of somebody else, is', async () => {
      const server = await serve(() => ({ secret: holderOf(secret, 'b') }))
      expect(await meet({ member: a }, server)).toBe('untrusted')
      expect(await meet({ secret: holderOf(newSecret(), 'a') }, server)).toBe('untrusted')
      expect(await meet({ member: a }, await serve(() => ({ member: memberOf(other, 'b') })))).toBe(
        'untrusted',
      )
    })
  })

  test('a port where nobody listens is refused, a name that nobody has unresolved', async () => {
    const server = await serve(() => ({ member: b }))
    open.pop()!.close()
    await turn()
    expect(await meet({ member: a }, server)).toBe('refused')
    expect(
      await meet({ member: a }, { ...server, at: { host: 'no-such-host.invalid', port: 9 } }),
    ).toBe('unresolved')
  })
})
