import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatAddress } from '../base/address.ts'
import { seeded } from '../base/random.ts'
import type { Trace } from '../base/trace.ts'
import { tlsSockets } from '../net/real-tls-sockets.ts'
import { realNotary } from '../net/security/notary.ts'
import { builtInRoles, makeRoles } from '../roles/registry.ts'
import { openStorage } from '../store/open.ts'
import { Agent } from './agent.ts'
import { refusalsFile } from './entrance/refusals-file.ts'
import type { AgentConfig } from './process/config.ts'
import { insecure, staysInside } from './process/exposure.ts'
import { httpDoor } from './process/http-door.ts'
import { loadConfig } from './process/load-config.ts'
import { boundYoungGeneration } from './process/memory.ts'
import { keepToOneself, openToGroup, shutOutOthers } from './process/premises.ts'
import { realClock } from './process/real-clock.ts'
import { realInstruments } from './process/real-instruments.ts'
import { createTrace } from './process/trace.ts'
import { realHost } from './roles/host-hands.ts'
import { openRoleMemory, type RoleMemory } from './roles/role-memory.ts'
import { RoleRunners } from './roles/role-runners.ts'
import { ApiTokens } from './trust/api-tokens.ts'
import { checkIdentity } from './trust/identity.ts'
import { identityFile } from './trust/identity-file.ts'
import { readSecret } from './trust/secret.ts'
import { Security } from './trust/security.ts'
import { readToken } from './trust/token-file.ts'
import { productVersion } from './version.ts'

/** A graceful stop takes at most so long, ms; then the process ends as it is: nothing acknowledged is lost by that. */
const stopPatience = 5_000

/**
 * The process: configuration, disk, API socket, then the node itself; shutdown in reverse. Resolves when
 * the agent has stopped. Throws OperatorError while nothing is running yet.
 */
export async function runAgent(flags: Record<string, unknown>): Promise<void> {
  const config = loadConfig(flags, process.env, path => readFileSync(path, 'utf8'))
  const trace = await createTrace(config.logLevel)
  keepToOneself()
  const storage = openStorage(config.dataDir)
  shutOutOthers(config.dataDir)
  const security = securityOf(config, trace)
  let fail: (error: Error) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => {})
  const clock = realClock()
  boundYoungGeneration(clock)
  const version = productVersion()
  const memories = await openMemories(config.dataDir, trace)
  const agent = new Agent({
    clock,
    random: seeded(randomInt(2 ** 47)),
    sockets: tlsSockets(
      () => security.credentials,
      () => security.open,
    ),
    storage,
    security,
    refusals: refusalsFile(config.dataDir, trace),
    config,
    trace,
    version,
    roleCatalog: builtInRoles,
    instruments: realInstruments(config.dataDir),
    roles: ({ report, ...identity }) =>
      new RoleRunners({
        clock,
        trace,
        roles: makeRoles(identity),
        roleConfig: config.roleConfig,
        hostFor: role =>
          realHost({
            role,
            clock,
            memory: memories.get(role)!,
            trace,
            folder: config.folder ?? process.cwd(),
          }),
        memoryOf: role => memories.get(role)!.all(),
        report,
      }),
    events: {
      bound: at =>
        trace.info(
          { address: formatAddress(at), node: agent.self.name, version },
          'listening for peers',
        ),
      failed: error => fail(error),
    },
  })
  // Apart from the rest, so that neither file is too long (scripts/bundles.ts).
  const { createApi } = await import('../api/api.ts')
  const api = await createApi(agent.backend, {
    ...{ trace, version, node: agent.self.name },
    tokens: new ApiTokens({
      clock,
      authority: agent.authority,
      plane: () => (agent.plane?.state.cluster ? agent.plane : undefined),
      heard: () => agent.view()?.version ?? 0,
      inCluster: () => agent.self.facts.cluster != null,
    }),
  })
  process.on('uncaughtException', error => {
    trace.error(
      { err: error },
      'a bug in hive: the agent stops at once, so that wrong state does not spread',
    )
    process.exit(70)
  })
  const stop = () => stopAll(agent, api.close)
  try {
    await api.listenSocket(config.socket)
    if (config.socketGroup !== null) openToGroup(config.socket, config.dataDir, config.socketGroup)
    if (config.http) {
      const at = await api.listenTcp(config.http, httpDoor(config, security))
      trace.info({ address: formatAddress(at) }, 'HTTP API')
    }
    agent.start()
    await Promise.race([failed, untilToldToStop(trace, stopPatience)])
  } finally {
    await stop()
  }
  trace.info({}, 'stopped')
}

/** Throws INSECURE: others can reach this node, and it could not tell them from strangers. */
function securityOf(config: AgentConfig, trace: Trace): Security {
  const secret = readSecret(config.secretFile, process.env, trace)
  // What every child of this process would inherit is not for them.
  delete process.env.HIVE_SECRET
  const notary = realNotary()
  const store = identityFile(config.dataDir, identity => checkIdentity(notary, identity))
  const known = store.read()
  const token = readToken(config.tokenFile, !known?.member && !known?.token, trace)
  const security = new Security({
    notary,
    store,
    loopback: staysInside(config),
    ...(secret !== undefined && { secret }),
    ...(token && { token }),
  })
  if (security.helpless) throw insecure(config)
  return security
}

async function openMemories(
  dataDir: string,
  trace: Trace,
): Promise<ReadonlyMap<string, RoleMemory>> {
  const memories = new Map<string, RoleMemory>()
  for (const { name } of builtInRoles) {
    const path = join(dataDir, 'roles', `${name}.json`)
    memories.set(
      name,
      await openRoleMemory(path, aside =>
        trace.error({ role: name, aside }, 'what the role remembered is damaged and was set aside'),
      ),
    )
  }
  return memories
}

/** Peers first, so that they hear a goodbye while the API still tells what happens. */
async function stopAll(agent: Agent, closeApi: () => Promise<void>): Promise<void> {
  await Promise.all([new Promise<void>(resolve => agent.stop(resolve)), closeApi()])
}

/** SIGTERM, SIGINT, or the end of standard input where a parent holds it; a second signal ends at once. */
function untilToldToStop(trace: Trace, patience: number): Promise<void> {
  return new Promise(resolve => {
    let told = false
    const tell = (why: string): void => {
      if (told) process.exit(1)
      told = true
      trace.info({ why }, 'stopping; membership does not change')
      setTimeout(() => process.exit(1), patience).unref()
      // A pipe that a parent holds open would keep this process.
      process.stdin.destroy()
      resolve()
    }
    process.on('SIGTERM', () => tell('SIGTERM'))
    process.on('SIGINT', () => tell('SIGINT'))
    if (process.env.HIVE_EXIT_WITH_STDIN === '1') {
      process.stdin.on('end', () => told || tell('the parent is gone')).on('error', () => {})
      process.stdin.resume()
    }
  })
}
