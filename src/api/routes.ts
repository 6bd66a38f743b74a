import { consulRoutes } from './consul-routes.ts'
import { hiveRoutes } from './hive-routes.ts'
import type { Route } from './route.ts'
import { snapshotRoutes } from './snapshot-routes.ts'
import { tokenRoutes } from './token-routes.ts'
import { trustRoutes } from './trust-routes.ts'

/** Every path but those of the KV store, which has a door of its own (kv.ts). `node`: this one's name. */
export function routesOf(node: string): readonly Route[] {
  return [...hiveRoutes, ...trustRoutes, ...tokenRoutes, ...snapshotRoutes, ...consulRoutes(node)]
}
