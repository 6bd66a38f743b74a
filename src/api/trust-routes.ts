import * as z from 'zod/mini'
import { type Route, route } from './route.ts'

/** Authority and gossip keys: what operators see of them, and how they begin a rotation. */
export const trustRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/hive/ca',
    summary: "The cluster's authorities and the certificates of its nodes",
    needs: 'read',
    answer: 'CaReport',
    handle: (_, backend) => backend.ca(),
  }),
  route({
    method: 'POST',
    path: '/v1/hive/ca/rotate',
    summary:
      'Make a new authority; every node gets a certificate of it, then the old one is retired',
    needs: 'operator',
    body: z.strictObject({}),
    answer: 'CaReport',
    handle: ({ actor }, backend) => backend.rotateCa({ actor }),
  }),
  route({
    method: 'GET',
    path: '/v1/hive/keys',
    summary: 'The keys of gossip, without the keys themselves',
    needs: 'read',
    answer: 'KeysReport',
    handle: (_, backend) => backend.keys(),
  }),
  route({
    method: 'POST',
    path: '/v1/hive/keys/rotate',
    summary: 'Give gossip a new key: everywhere known, then used, then the old one dropped',
    needs: 'operator',
    body: z.strictObject({}),
    answer: 'KeysReport',
    handle: ({ actor }, backend) => backend.rotateKeys({ actor }),
  }),
]
