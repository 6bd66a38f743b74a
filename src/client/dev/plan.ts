import { createHash } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { OperatorError } from '../../base/errors.ts'

/** Who runs in a dev cluster and on which ports: chosen once, kept in DIR/dev.json, so that a later run resumes. */
export interface DevNode {
  readonly name: string
  readonly gossip: number
  readonly http: number
}

export interface DevPlan {
  readonly nodes: readonly DevNode[]
}

/**
 * The plan kept in `dir`, enlarged to `wanted` nodes; undefined: as many as there are, or 3.
 * Rejects with OperatorError when the file is damaged, or the cluster is larger already.
 */
export async function planFor(dir: string, wanted: number | undefined): Promise<DevPlan> {
  const kept = readPlan(dir)
  const count = wanted ?? (kept.nodes.length || 3)
  if (count < kept.nodes.length) {
    const message = `the dev cluster in ${dir} has ${kept.nodes.length} nodes, not ${count}`
    throw new OperatorError(
      'BAD_REQUEST',
      message,
      `leave --nodes out, or remove ${dir} to begin anew`,
    )
  }
  if (count === kept.nodes.length) return kept
  const nodes = [...kept.nodes]
  const ports = freePorts(dir, new Set(nodes.flatMap(node => [node.gossip, node.http])))
  while (nodes.length < count) {
    const [gossip, http] = [await ports.next(), await ports.next()]
    nodes.push({ name: `n${nodes.length + 1}`, gossip: gossip.value!, http: http.value! })
  }
  const plan = { nodes }
  writePlan(dir, plan)
  return plan
}

const planFile = 'dev.json'

function readPlan(dir: string): DevPlan {
  const path = join(dir, planFile)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { nodes: [] }
    throw new OperatorError(
      'DATA_DIR',
      `cannot read ${path}: ${(error as Error).message}`,
      'choose another --dir',
    )
  }
  try {
    const plan = JSON.parse(text) as DevPlan
    if (Array.isArray(plan.nodes) && plan.nodes.every(isNode)) return plan
  } catch {
    // Said below.
  }
  throw new OperatorError(
    'DATA_DIR',
    `${path} is damaged`,
    `remove ${dir} to begin anew, or choose another --dir`,
  )
}

function isNode(node: unknown): node is DevNode {
  const { name, gossip, http } = (node ?? {}) as Partial<DevNode>
  return typeof name === 'string' && /^n\d+$/.test(name) && isPort(gossip) && isPort(http)
}

function isPort(port: unknown): boolean {
  return Number.isInteger(port) && (port as number) > 0 && (port as number) < 65536
}

/** Whole or not at all: a run that is interrupted here leaves the old file. */
function writePlan(dir: string, plan: DevPlan): void {
  const path = join(dir, planFile)
  try {
    mkdirSync(dir, { recursive: true })
    writeFileSync(`${path}.new`, `${JSON.stringify(plan, null, 2)}\n`)
    renameSync(`${path}.new`, path)
  } catch (error) {
    throw new OperatorError(
      'DATA_DIR',
      `cannot write ${path}: ${(error as Error).message}`,
      'choose another --dir',
    )
  }
}

/** Below the range from which systems take ports of their own accord; each directory begins elsewhere in it. */
const lowest = 15_000
const highest = 30_000

async function* freePorts(
  dir: string,
  taken: ReadonlySet<number>,
): AsyncGenerator<number, undefined> {
  const start =
    createHash('sha256').update(join(process.cwd(), dir)).digest().readUInt32LE() %
    (highest - lowest)
  for (let i = 0; i < highest - lowest; i++) {
    const port = lowest + ((start + i) % (highest - lowest))
    if (!taken.has(port) && (await isFree(port))) yield port
  }
  throw new OperatorError(
    'PORT_IN_USE',
    `no port from ${lowest} to ${highest} is free`,
    'stop what uses them',
  )
}

/** For UDP and TCP alike, as an agent needs it. */
async function isFree(port: number): Promise<boolean> {
  const tcp = createServer()
  const udp = createSocket('udp4')
  try {
    await new Promise<void>((resolve, reject) =>
      tcp.once('error', reject).listen(port, '127.0.0.1', resolve),
    )
    await new Promise<void>((resolve, reject) =>
      udp.once('error', reject).bind(port, '127.0.0.1', resolve),
    )
    return true
  } catch {
    return false
  } finally {
    tcp.close()
    udp.close()
  }
}
