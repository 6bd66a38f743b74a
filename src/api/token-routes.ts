import * as z from 'zod/mini'
import { maxPolicies, parsePolicy, policyForms } from '../base/policy.ts'
import { type Route, route } from './route.ts'
import { nodeText, reasonText, roleTexts } from './shapes.ts'

/** Tokens: made, listed without their secrets, revoked; and who waits to be let in. */

/** Longest life of a token, ms: a leap year. */
const maxLife = 366 * 24 * 3_600_000
const maxUses = 10_000

const note = z._default(z.string().check(z.maxLength(255)), '')
const joinUse = z.strictObject({
  kind: z.literal('join'),
  roles: z._default(z.union([roleTexts, z.tuple([])]), []),
  uses: z._default(z.int().check(z.gte(1), z.lte(maxUses)), 1),
  pattern: z._default(
    z
      .string()
      .check(z.regex(/^[A-Za-z0-9*?-]{1,63}$/, 'must be a name, with * and ? for any letters')),
    '*',
  ),
})
const apiUse = z.strictObject({
  kind: z.literal('api'),
  policies: z
    .array(
      z.string().check(z.refine(text => parsePolicy(text) !== undefined, `must be ${policyForms}`)),
    )
    .check(z.minLength(1), z.maxLength(maxPolicies)),
})

export const tokenRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/hive/tokens',
    summary: 'The tokens of the cluster, without their secrets',
    needs: 'read',
    answer: 'TokenReport[]',
    handle: (_, backend) => backend.tokens(),
  }),
  route({
    method: 'POST',
    path: '/v1/hive/tokens',
    summary: 'Make a token; the answer is the only place where it is ever shown',
    needs: 'operator',
    body: z.strictObject({
      name: note,
      /** ms from now; null: never, for the API only */
      life: z._default(z.nullable(z.int().check(z.gte(1000), z.lte(maxLife))), 3_600_000),
      use: z.discriminatedUnion('kind', [joinUse, apiUse]),
    }),
    answer: 'NewToken',
    handle: ({ body, actor }, backend) => backend.createToken({ ...body, actor }),
  }),
  route({
    method: 'POST',
    path: '/v1/hive/tokens/revoke',
    summary: 'Revoke a token; the beginning of its id is enough',
    needs: 'operator',
    body: z.strictObject({
      id: z
        .string()
        .check(z.regex(/^[0-9a-f]{1,12}$/, 'must be the id of a token, or its beginning')),
    }),
    answer: '{id}: that was revoked',
    handle: ({ body, actor }, backend) => backend.revokeToken({ ...body, actor }),
  }),
  route({
    method: 'GET',
    path: '/v1/hive/join-requests',
    needs: 'read',
    summary: 'Nodes that ask to be let in, and those that were refused',
    answer: 'JoinRequestReport[]',
    handle: (_, backend) => backend.joinRequests(),
  }),
  route({
    method: 'POST',
    path: '/v1/hive/join-requests/admit',
    needs: 'operator',
    summary: 'Let a node in that asks for it',
    body: z.strictObject({ node: nodeText }),
    answer: 'JoinRequestReport',
    handle: ({ body, actor }, backend) => backend.admitNode({ ...body, actor }),
  }),
  route({
    method: 'POST',
    path: '/v1/hive/join-requests/refuse',
    needs: 'operator',
    summary: 'Refuse a node that asks to be let in, until an operator admits it',
    body: z.strictObject({ node: nodeText, reason: z._default(reasonText, '') }),
    answer: 'JoinRequestReport',
    handle: ({ body, actor }, backend) => backend.refuseNode({ ...body, actor }),
  }),
]
