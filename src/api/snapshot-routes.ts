import { Readable } from 'node:stream'
import * as z from 'zod/mini'
import { badRequest } from './failure.ts'
import { type Bytes, type Route, route } from './route.ts'
import { queryFlag } from './shapes.ts'

/** Snapshots: bytes on their way out and in. */

export const snapshotType = 'application/vnd.hive.snapshot'

export const snapshotRoutes: readonly Route[] = [
  route({
    method: 'GET',
    // All keys, whatever a policy of theirs says, and who is in the cluster.
    needs: 'operator',
    path: '/v1/hive/snapshot',
    summary: 'All of the replicated state at one index, as a file with its checksum',
    query: z.strictObject({ stale: queryFlag }),
    answer: `bytes (${snapshotType}); X-Hive-Index: of the last event in it, X-Hive-Size: about how many`,
    download: true,
    handle: async ({ query }, backend): Promise<Bytes> => {
      const { name, index, size, pieces } = await backend.snapshot(query)
      const headers = {
        'X-Hive-Cluster': name,
        'X-Hive-Index': String(index),
        'X-Hive-Size': String(size),
      }
      return { headers, pieces }
    },
  }),
  route({
    method: 'GET',
    path: '/v1/hive/snapshots',
    needs: 'read',
    summary: 'The snapshots that this node made by the clock, and when the next is due',
    answer: 'SnapshotList',
    handle: (_, backend) => backend.snapshots(),
  }),
  route({
    method: 'POST',
    needs: 'operator',
    path: '/v1/hive/snapshot/restore',
    summary: `Put a snapshot (as ${snapshotType}) in the place of all keys and settings`,
    query: z.strictObject({
      name: z.string().check(z.minLength(1), z.maxLength(255)),
      another: queryFlag,
    }),
    answer: 'RestoreAnswer',
    upload: true,
    handle: ({ query, upload, actor }, backend) => {
      if (!(upload instanceof Readable)) throw badRequest('body', `must be ${snapshotType}`)
      const { name, another: fromAnother } = query
      // Whoever stops reading early answers why: an end of the connection would come before that answer.
      const bytes = upload.iterator({ destroyOnReturn: false })
      return backend.restoreSnapshot({ bytes, name, fromAnother, actor })
    },
  }),
]
