import * as z from 'zod/mini'
import type { Need } from '../base/policy.ts'
import type { LoggedEvent } from '../state/events.ts'
import { rescueRoutes } from './rescue-routes.ts'
import { type Route, route } from './route.ts'
import {
  addressText,
  flag,
  nodeText,
  queryCount,
  queryWait,
  reasonText,
  roleTexts,
  tokenText,
} from './shapes.ts'

/** hive's own paths. */

/** Most events in one page of the log. */
const logPage = 1000
const maxSeq = Number.MAX_SAFE_INTEGER
/** Longest deadline of a drain, ms: a month. */
const maxDeadline = 31 * 24 * 3_600_000

export const hiveRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/hive/status',
    summary: 'The cluster and its nodes, as this agent knows them',
    needs: 'read',
    answer: 'StatusReport',
    handle: (_, backend) => backend.status(),
  }),
  route({
    method: 'POST',
    path: '/v1/hive/init',
    summary: 'Make the zombies that know each other a cluster',
    needs: 'operator',
    body: z.strictObject({
      name: z.optional(
        z
          .string()
          .check(
            z.regex(
              /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
              'must be letters a-z, digits and dashes, at most 63',
            ),
          ),
      ),
      control: z.optional(z.array(nodeText).check(z.minLength(1), z.maxLength(64))),
      approve: z.optional(z.boolean()),
    }),
    answer: 'InitAnswer',
    handle: ({ body, actor }, backend) => backend.init({ ...given(body), actor }),
  }),
  route({
    method: 'POST',
    path: '/v1/hive/join',
    summary: 'Make this node join the cluster of another one',
    needs: 'operator',
    body: z.strictObject({ address: addressText, token: z.optional(tokenText) }),
    answer: 'JoinAnswer',
    handle: ({ body, actor }, backend) =>
      backend.join({ address: body.address, ...given({ token: body.token }), actor }),
  }),
  route({
    method: 'POST',
    path: '/v1/hive/drain',
    summary: 'Take work off a node, or give it back; the verdict comes first',
    needs: 'operator',
    body: z.strictObject({
      node: nodeText,
      cancel: flag,
      dryRun: flag,
      force: flag,
      /** ms from now */
      deadline: z._default(z.nullable(z.int().check(z.gte(0), z.lte(maxDeadline))), null),
      reason: z._default(reasonText, ''),
    }),
    answer: 'DrainProgress',
    handle: ({ body, actor }, backend) => backend.drain({ ...body, actor }),
  }),
  route({
    method: 'GET',
    path: '/v1/hive/drain/:node',
    summary: 'How far a drain is; with index, waits for its next change',
    needs: 'read',
    query: z.strictObject({
      index: z._default(queryCount(maxSeq), 0),
      wait: z._default(queryWait, 0),
    }),
    answer: 'DrainProgress',
    blocking: true,
    handle: ({ params, query, signal }, backend) =>
      backend.drainProgress({
        node: params.node!,
        index: query.index,
        wait: query.wait,
        ...(signal && { signal }),
      }),
  }),
  route({
    method: 'POST',
    path: '/v1/hive/roles/assign',
    summary: 'Give roles to a node',
    needs: 'operator',
    body: z.strictObject({ node: nodeText, roles: roleTexts }),
    answer: '{seq}: of the event; null: the node has all of them already',
    handle: ({ body, actor }, backend) => backend.assignRoles({ ...body, actor }),
  }),
  route({
    method: 'POST',
    path: '/v1/hive/roles/unassign',
    summary: 'Take roles from a node',
    needs: 'operator',
    body: z.strictObject({ node: nodeText, roles: roleTexts }),
    answer: '{seq}: of the event',
    handle: ({ body, actor }, backend) => backend.unassignRoles({ ...body, actor }),
  }),
  route({
    method: 'GET',
    path: '/v1/hive/roles',
    summary: 'Roles that this build knows, and where they run',
    needs: 'read',
    answer: 'RoleReport[]',
    handle: (_, backend) => backend.roles(),
  }),
  route({
    method: 'GET',
    path: '/v1/hive/log',
    summary: 'A page of the event log; with wait, waits for the next event',
    needs: 'read',
    query: z.strictObject({
      from: z._default(queryCount(maxSeq), 0),
      limit: z._default(queryCount(logPage), 100),
      type: z.optional(z.string().check(z.regex(/^[A-Za-z]{1,64}$/, 'must be an event type'))),
      epoch: z.optional(queryCount(maxSeq)),
      wait: z.optional(queryWait),
    }),
    answer:
      '{events, next, epoch, names}: pass next as from, and epoch; names by id, of nodes that left',
    blocking: true,
    handle: async ({ query, signal, may }, backend) => {
      const page = await backend.log({
        from: query.from,
        limit: Math.max(1, query.limit),
        ...given({ type: query.type, epoch: query.epoch, wait: query.wait, signal }),
      })
      return { ...page, events: page.events.map(event => readable(event, may)) }
    },
  }),
  route({
    method: 'POST',
    path: '/v1/hive/leave',
    summary: 'Take a node out of the cluster: this one, or one that cannot say it itself',
    needs: 'operator',
    body: z.strictObject({ node: z.optional(nodeText), force: flag }),
    answer: '{left, advice}',
    handle: ({ body, actor }, backend) =>
      backend.leave({ ...given({ node: body.node }), force: body.force, actor }),
  }),
  route({
    method: 'POST',
    path: '/v1/hive/reset',
    summary: "Set this node's state aside and make it empty",
    needs: 'operator',
    body: z.strictObject({}),
    answer: '{setAside}: where the state is now',
    handle: ({ actor }, backend) => backend.reset({ actor }),
  }),
  route({
    method: 'POST',
    path: '/v1/hive/control/promote',
    summary: 'Make a node a control node: an observer first, then a voter',
    needs: 'operator',
    body: z.strictObject({ node: nodeText, observer: flag, force: flag }),
    answer: 'ControlAnswer',
    handle: ({ body, actor }, backend) => backend.promote({ ...body, actor }),
  }),
  route({
    method: 'POST',
    path: '/v1/hive/control/demote',
    summary: 'Take the vote from a control node',
    needs: 'operator',
    body: z.strictObject({ node: nodeText, force: flag }),
    answer: 'ControlAnswer',
    handle: ({ body, actor }, backend) => backend.demote({ ...body, actor }),
  }),
  ...rescueRoutes,
]

/** The log shows the beginnings of values, which are for those who may read the key. */
function readable(event: LoggedEvent, may: (need: Need) => boolean): LoggedEvent {
  if (event.type !== 'KvPut') return event
  const { value: _, ...rest } = event.data as { readonly key: string; readonly value: string }
  return may({ key: rest.key, range: false, write: false }) ? event : { ...event, data: rest }
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** Without the fields that are undefined. */
function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== undefined)) as Given<T>
}
