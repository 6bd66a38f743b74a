import { OperatorError } from '../base/errors.ts'
import type { Self } from './self.ts'

/** What needs a cluster was asked of a node that has none: before the init, refused, waiting, or out of it again. */
export function inNoCluster(name: string): OperatorError {
  return new OperatorError(
    'NOT_INITIALISED',
    `${name} is a zombie: it is in no cluster yet, so nothing can be decided or looked up`,
    'hive status says what it waits for; hive init, once, makes a cluster; hive join ADDR enters one that is there',
  )
}

/** Throws NOT_INITIALISED. */
export function requireCluster({ facts, name }: Self): void {
  if (!facts.cluster) throw inNoCluster(name)
}
