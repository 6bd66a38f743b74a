import * as z from 'zod/mini'
import { OperatorError } from '../base/errors.ts'
import { type Route, route } from './route.ts'
import { nodeText, reasonText } from './shapes.ts'

/** Settings, and what an operator does when the cluster cannot help itself any more. */

const settingName = z
  .string()
  .check(z.regex(/^[a-z][a-z0-9-]{0,62}$/, 'must be the name of a setting'))
const settingValue = z.string().check(z.maxLength(255))

const voterNames = z.array(nodeText).check(z.minLength(1), z.maxLength(64))

export const rescueRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/hive/why',
    needs: 'read',
    summary: 'Why a node, the leader, the epoch or a join is as it is: what happened, newest last',
    query: z.strictObject({
      about: z._default(z.enum(['node', 'election', 'epoch', 'join']), 'node'),
      name: z._default(z.string().check(z.maxLength(128)), ''),
    }),
    answer: 'WhyReport',
    handle: ({ query }, backend) => {
      const { about, name } = query
      if (name === '' && (about === 'node' || about === 'join')) {
        throw new OperatorError('BAD_REQUEST', `name: ${about} needs one`, 'give ?name=NODE')
      }
      return backend.why({ about, name })
    },
  }),
  route({
    method: 'GET',
    path: '/v1/hive/doctor',
    summary:
      'Examine this node, or the one named: disk, clocks, network, limits; takes some seconds',
    // It writes and dials: nothing for whoever may only look.
    needs: 'operator',
    query: z.strictObject({ node: z.optional(nodeText) }),
    answer: 'DoctorReport',
    handle: ({ query }, backend) => backend.doctor(query.node ? { node: query.node } : {}),
  }),
  route({
    method: 'GET',
    path: '/v1/hive/recover',
    summary: 'What a rescue of a lost quorum would do, and what would be lost',
    needs: 'read',
    query: z.strictObject({ voters: z.optional(z.string().check(z.maxLength(4096))) }),
    answer: 'RecoveryPlan',
    handle: ({ query }, backend) =>
      backend.recoverPlan(query.voters ? { voters: query.voters.split(',') } : {}),
  }),
  route({
    method: 'POST',
    path: '/v1/hive/recover/apply',
    summary: "Rescue a lost quorum: one survivor goes on from its log; name must be the cluster's",
    needs: 'operator',
    body: z.strictObject({
      name: z.string().check(z.maxLength(63)),
      reason: z._default(reasonText, ''),
      voters: z.optional(voterNames),
    }),
    answer: 'RecoveryAnswer',
    handle: ({ body: { voters, ...body }, actor }, backend) =>
      backend.recoverApply({ ...body, ...(voters && { voters }), actor }),
  }),
  route({
    method: 'POST',
    path: '/v1/hive/recover/yield',
    summary: "Give in to the other history of the cluster: set this node's own aside and join anew",
    needs: 'operator',
    body: z.strictObject({}),
    answer: '{setAside}: where its log and facts are now',
    handle: ({ actor }, backend) => backend.recoverYield({ actor }),
  }),
  route({
    method: 'GET',
    path: '/v1/hive/settings',
    summary: 'What the cluster has agreed on for all its nodes',
    needs: 'read',
    answer: 'SettingReport[]',
    handle: (_, backend) => backend.settings(),
  }),
  route({
    method: 'POST',
    path: '/v1/hive/settings',
    summary: 'Change settings; an empty value is the default again',
    needs: 'operator',
    body: z.strictObject({ settings: z.record(settingName, settingValue) }),
    answer: '{seq}: of the event',
    handle: ({ body, actor }, backend) => backend.changeSettings({ ...body, actor }),
  }),
]
