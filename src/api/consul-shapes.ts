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

/** A state that belongs to no check of the service is the node's own, such as its maintenance mode. */
export function agentChecks(
  services: readonly ServiceReport[],
  node: string,
): Record<string, object> {
  return byId(
    services.flatMap(service =>
      service.checkStates.map((now): [string, object] => {
        const check = service.checks.find(one => one.id === now.id)
        return [
          now.id,
          {
            Node: node,
            CheckID: now.id,
            Name: now.name,
            Status: now.status,
            Notes: check?.notes ?? '',
            Output: now.output,
            ServiceID: check ? service.id : '',
            ServiceName: check ? service.name : '',
            ServiceTags: check ? service.tags : [],
            Type: check?.kind ?? '',
            ...(check && periods(check)),
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
