import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DevCluster } from '../../../src/client/dev/cluster.ts'

const script = join(import.meta.dirname, 'fake-agent.mjs')
let dir: string
const clusters: DevCluster[] = []
beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'hive-dev-')), 'c')
})
afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.stop()
  delete process.env.FAKE_AGENT
  rmSync(join(dir, '..'), { recursive: true })
})

async function start(nodes?: number): Promise<DevCluster> {
  const cluster = await DevCluster.start(dir, nodes, script)
  clusters.push(cluster)
  return cluster
}

const planned = () => readFileSync(join(dir, 'dev.json'), 'utf8')

test('three agents see each other and are made a cluster', async () => {
  const cluster = await start()
  const said: string[] = []
  await cluster.ready(text => said.push(text))
  expect(said).toEqual(['3 agents see each other; making them a cluster'])
  expect(cluster.children.map(child => child.name)).toEqual(['n1', 'n2', 'n3'])
  expect((await cluster.agent.status()).cluster.state).toBe('active')
})

test('a later run resumes: the same ports, no second init', async () => {
  const first = await start(2)
  await first.ready(() => {})
  const plan = planned()
  await first.stop()
  const second = await start()
  const said: string[] = []
  await second.ready(text => said.push(text))
  expect(said).toEqual([])
  expect(planned()).toBe(plan)
})

test('more nodes are added with ports of their own; fewer are refused', async () => {
  await (await start(2)).stop()
  const ports = () => JSON.parse(planned()).nodes.flatMap((n: object) => Object.values(n).slice(1))
  const before = ports()
  await (await start(4)).stop()
  expect(ports().slice(0, 4)).toEqual(before)
  expect(new Set(ports()).size).toBe(8)
  await expect(start(3)).rejects.toThrow(/has 4 nodes, not 3/)
})

test('what a person wrote into a node’s file stays', async () => {
  await (await start(1)).stop()
  const path = join(dir, 'n1/hive.toml')
  const mine = `${readFileSync(path, 'utf8')}roles = ["host"]\n`
  writeFileSync(path, mine)
  await (await start()).stop()
  expect(readFileSync(path, 'utf8')).toBe(mine)
})

describe('trouble', () => {
  test('an agent that dies at the start is named, with what it said', async () => {
    process.env.FAKE_AGENT = 'n2 dies'
    const cluster = await start()
    const failure = cluster.ready(() => {})
    await expect(failure).rejects.toThrow(/^agent n2 ended with exit code 2; it said:/)
    await expect(failure).rejects.toThrow(/ {2}\| error: cannot bind 127.0.0.1:1\n/)
    await expect(failure).rejects.toThrow(/ {2}\| info hello \(node n2\)/)
  })

  test('an agent that was killed is started again, and its old output is not shown', async () => {
    const cluster = await start(1)
    await cluster.ready(() => {})
    const [child] = cluster.children
    await child!.stop()
    expect(child!.end).toBe('ended with exit code 0')
    process.env.FAKE_AGENT = 'n1 dies'
    cluster.restartEnded()
    expect(child!.end).toBeNull()
    await expect.poll(() => child!.end).toBe('ended with exit code 2')
    expect(child!.tail(9)).toEqual([
      'info hello (node n1)',
      'error: cannot bind 127.0.0.1:1',
      '  do: choose another port',
    ])
  })

  test('whom SIGTERM does not impress is killed', async () => {
    process.env.FAKE_AGENT = 'n1 is stubborn'
    const cluster = await start(1)
    await cluster.ready(() => {})
    await cluster.stop(100)
    expect(cluster.children[0]!.end).toBe('was ended by SIGKILL')
  })

  test('one dev cluster a directory', async () => {
    await start(1)
    await expect(start()).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' })
  })

  test('a damaged plan is not guessed at', async () => {
    await (await start(1)).stop()
    for (const text of ['{"nodes":', '{"nodes":[{"name":"n1","gossip":"x","http":1}]}', '[]']) {
      writeFileSync(join(dir, 'dev.json'), text)
      await expect(start()).rejects.toThrow(/dev.json is damaged/)
    }
  })

  test('a directory that cannot be made', async () => {
    writeFileSync(dir, 'a file')
    await expect(start()).rejects.toMatchObject({ code: 'DATA_DIR' })
    rmSync(dir)
  })
})
