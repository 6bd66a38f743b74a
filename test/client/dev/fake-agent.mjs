// Stands in for `hive agent`: as much of one as a dev cluster needs. FAKE_AGENT says how it misbehaves.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'

const [, , command, flag, config] = process.argv
if (command !== 'agent' || flag !== '--config') throw new Error(`called with ${process.argv}`)
const name = /name = "(.*)"/.exec(readFileSync(config, 'utf8'))[1]
const dataDir = dirname(config)
const cluster = dirname(dataDir)
const initialised = join(cluster, 'initialised')
console.log(JSON.stringify({ level: 'info', time: 'now', msg: 'hello', node: name }))

if (process.env.FAKE_AGENT === `${name} dies`) {
  console.error('error: cannot bind 127.0.0.1:1\n  do: choose another port')
  process.exit(2)
}
process.on('SIGTERM', () => process.env.FAKE_AGENT === `${name} is stubborn` || process.exit(0))
process.stdin.on('end', () => process.exit(0)).resume()

const report = () => {
  const nodes = readdirSync(cluster).filter(n => existsSync(join(cluster, n, 'agent.sock')))
  const active = existsSync(initialised)
  const state = active ? 'ready' : 'zombie'
  const quorum = { voters: nodes.length, needed: 1, reachable: nodes.length }
  return {
    cluster: {
      name: 'dev',
      state: active ? 'active' : 'zombie',
      leader: active ? 'n1' : null,
      quorum,
    },
    nodes: nodes.map(n => ({ name: n, state, control: 'none', roles: [], dc: 'dc1' })),
    self: name,
  }
}

const socket = join(dataDir, 'agent.sock')
rmSync(socket, { force: true })
createServer((request, response) => {
  if (request.url === '/v1/hive/init') writeFileSync(initialised, 'yes')
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(request.url === '/v1/hive/init' ? {} : report()))
}).listen(socket)
