import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { OperatorError } from '../../base/errors.ts'
import type { DevNode } from './plan.ts'

/**
 * Path of a node's hive.toml in its data directory, written if it is not there: a person may add to it, and start
 * the agent with it by hand.
 */
export function configFor(node: DevNode, seed: DevNode, dataDir: string): string {
  const path = join(dataDir, 'hive.toml')
  try {
    mkdirSync(dataDir, { recursive: true })
    if (existsSync(path)) return path
    // What a full disk took the first half of would be taken for a person's.
    writeFileSync(`${path}.new`, configText(node, seed))
    renameSync(`${path}.new`, path)
  } catch (error) {
    const message = `cannot write ${path}: ${(error as Error).message}`
    throw new OperatorError('DATA_DIR', message, 'choose another --dir')
  }
  return path
}

function configText(node: DevNode, seed: DevNode): string {
  const lines = [
    `name = "${node.name}"`,
    'data_dir = "."',
    `bind = "127.0.0.1:${node.gossip}"`,
    `http = "127.0.0.1:${node.http}"`,
  ]
  if (node !== seed) lines.push(`join = ["127.0.0.1:${seed.gossip}"]`)
  return `${lines.join('\n')}\n`
}
