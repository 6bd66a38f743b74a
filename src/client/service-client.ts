import type { Millis } from '../base/time.ts'
import type { AgentClient } from './agent-client.ts'

/** Services of this node, in the shapes of Consul's `/v1/agent`. Every function rejects with OperatorError. */

const timeout: Millis = 15_000

export interface ServiceItem {
  readonly id: string
  readonly name: string
  readonly address: string
  readonly port: number
  readonly tags: readonly string[]
  readonly checks: readonly {
    readonly name: string
    readonly status: string
    readonly output: string
  }[]
}

interface WireService {
  readonly ID: string
  readonly Service: string
  readonly Address: string
  readonly Port: number
  readonly Tags?: readonly string[] | null
}

interface WireCheck {
  readonly Name: string
  readonly Status: string
  readonly Output: string
  readonly ServiceID: string
}

/** `definition` is checked by the agent: Consul's registration, keys in any of its spellings. */
export async function registerService(agent: AgentClient, definition: unknown): Promise<void> {
  const body = Buffer.from(JSON.stringify(definition))
  const headers = { 'content-type': 'application/json' }
  await agent.send({ method: 'PUT', path: '/v1/agent/service/register', headers, body, timeout })
}

export async function deregisterService(agent: AgentClient, id: string): Promise<void> {
  await agent.send({
    method: 'PUT',
    path: `/v1/agent/service/deregister/${encodeURIComponent(id)}`,
    timeout,
  })
}

export async function listServices(agent: AgentClient): Promise<ServiceItem[]> {
  const get = async <T>(path: string) =>
    agent.parse<T>(await agent.send({ method: 'GET', path, timeout }))
  const services = await get<Record<string, WireService>>('/v1/agent/services')
  const checks = Object.values(await get<Record<string, WireCheck>>('/v1/agent/checks'))
  return Object.values(services)
    .map(service => ({
      id: service.ID,
      name: service.Service,
      address: service.Address,
      port: service.Port,
      tags: service.Tags ?? [],
      checks: checks
        .filter(check => check.ServiceID === service.ID)
        .map(check => ({ name: check.Name, status: check.Status, output: check.Output })),
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

const worst = ['critical', 'warning', 'passing']

/** The worst of its checks; passing without any. */
export function serviceStatus(service: ServiceItem): string {
  return worst.find(status => service.checks.some(check => check.status === status)) ?? 'passing'
}
