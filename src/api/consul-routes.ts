import * as z from 'zod/mini'
import { type CheckStatus, serviceLimits } from '../base/service.ts'
import { parseService } from '../base/service-shape.ts'
import { agentChecks, agentServices } from './consul-shapes.ts'
import { BadRequest } from './failure.ts'
import { type Route, route } from './route.ts'

/** Consul's paths but for the KV's, so that the tools which people have work unchanged. */
export function consulRoutes(node: string): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/status/leader',
      summary: "The leader's address",
      needs: 'token',
      answer: 'text',
      handle: async (_, backend) => backend.leaderAddress(),
    }),
    route({
      method: 'GET',
      path: '/v1/status/peers',
      summary: "The control nodes' addresses",
      needs: 'token',
      answer: 'list of text',
      handle: async (_, backend) => backend.peerAddresses(),
    }),
    route({
      method: 'GET',
      path: '/v1/agent/services',
      summary: 'Services registered at this agent, by id',
      needs: 'read',
      answer: "Consul's AgentService by id",
      handle: async (_, backend) => agentServices(await backend.services()),
    }),
    route({
      method: 'GET',
      path: '/v1/agent/checks',
      summary: 'Checks of the services registered at this agent, by id',
      needs: 'read',
      answer: "Consul's AgentCheck by id",
      handle: async (_, backend) => agentChecks(await backend.services(), node),
    }),
    route({
      method: 'PUT',
      path: '/v1/agent/service/register',
      summary: 'Register a service and its checks, or replace them',
      needs: 'operator',
      query: z.strictObject({ 'replace-existing-checks': z.optional(z.string()) }),
      body: z.unknown(),
      answer: 'nothing',
      handle: async ({ body }, backend) => {
        const parsed = parseService(body)
        if ('problems' in parsed) throw new BadRequest(parsed.problems)
        await backend.registerService(parsed.value)
      },
    }),
    route({
      method: 'PUT',
      path: '/v1/agent/service/deregister/*',
      summary: 'Take a service and its checks out',
      needs: 'operator',
      answer: 'nothing',
      handle: ({ params }, backend) => backend.deregisterService(params['*']!),
    }),
    ...(['pass', 'warn', 'fail'] as const).map(verb =>
      route({
        method: 'PUT',
        path: `/v1/agent/check/${verb}/*`,
        summary: `Report a TTL check as ${statusOf[verb]}`,
        needs: 'operator',
        query: z.strictObject({ note: z.optional(outputText) }),
        answer: 'nothing',
        handle: ({ params, query }, backend) =>
          backend.reportCheck({
            id: params['*']!,
            status: statusOf[verb],
            output: query.note ?? '',
          }),
      }),
    ),
    route({
      method: 'PUT',
      path: '/v1/agent/check/update/*',
      summary: 'Report a TTL check with status and output',
      needs: 'operator',
      body: z.strictObject({
        Status: z.enum(['passing', 'warning', 'critical']),
        Output: z._default(outputText, ''),
      }),
      answer: 'nothing',
      handle: ({ params, body }, backend) =>
        backend.reportCheck({
          id: params['*']!,
          status: body.Status,
          output: body.Output,
        }),
    }),
  ]
}

const statusOf = { pass: 'passing', warn: 'warning', fail: 'critical' } as const satisfies Record<
  string,
  CheckStatus
>

/** Longer ones are cut, as Consul does. */
const outputText = z.pipe(
  z.string(),
  z.transform((text: string) => text.slice(0, serviceLimits.outputChars)),
)
