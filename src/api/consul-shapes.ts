import { formatDuration } from '../base/duration.ts'
import type { CheckDefinition, ServiceReport } from '../base/service.ts'

/** Answers in the shapes of Consul's `/v1/agent` (api/agent.go: AgentService, AgentCheck). */

export function agentServices(services: readonly ServiceReport[]): Record<string, object> {
  return byId(
    services.map(service => [
      service.id,
      {
        ID: service.id,
        Service: service.name,
        Tags: service.tags,
        Meta: service.meta,
        Port: service.port,
        Address: service.address,
        Weights: { Passing: 1, Warning: 1 },
        EnableTagOverride: false,
      },
    ]),
  )
}

export function agentChecks(
  services: readonly ServiceReport[],
  node: string,
): Record<string, object> {
  return byId(
    services.flatMap(service =>
      service.checks.map((check): [string, object] => {
        const now = service.checkStates.find(state => state.id === check.id)
        return [
          check.id,
          {
            Node: node,
            CheckID: check.id,
            Name: check.name,
            Status: now?.status ?? 'critical',
            Notes: check.notes ?? '',
            Output: now?.output ?? '',
            ServiceID: service.id,
            ServiceName: service.name,
            ServiceTags: service.tags,
            Type: check.kind,
            ...periods(check),
          },
        ]
      }),
    ),
  )
}

function periods(check: CheckDefinition): object {
  if (check.kind === 'ttl') return { TTL: formatDuration(check.ttl) }
  return { Interval: formatDuration(check.interval), Timeout: formatDuration(check.timeout) }
}

/** Ids come from outside: `__proto__` is one like any other. */
function byId(entries: readonly (readonly [string, object])[]): Record<string, object> {
  const out: Record<string, object> = Object.create(null)
  for (const [id, value] of entries) out[id] = value
  return out
}
