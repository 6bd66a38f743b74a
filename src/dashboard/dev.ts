import { DevCluster } from '../client/dev/cluster.ts'
import { plain } from '../client/paint.ts'
import { renderStatus, widthOf } from './plain.ts'
import { StatusSource } from './source.ts'
import { printChanges } from './watch.ts'

/** Runs a dev cluster until it is told to stop: live on a terminal, a table at each change elsewhere. */
export async function runDev(dir: string, nodes: number | undefined): Promise<void> {
  const end = stopSignal()
  const say = (text: string) => void process.stdout.write(`${text}\n`)
  const cluster = await DevCluster.start(dir, nodes)
  try {
    say(`${cluster.children.length} agents start in ${cluster.dir}`)
    const stopped = await Promise.race([cluster.ready(say), end])
    if (stopped === 'stop') return
    if (process.stdout.isTTY && process.stdin.isTTY) await showOnTerminal(cluster, end)
    else await print(cluster, say, end)
  } finally {
    say('stopping the agents; their data stays')
    await cluster.stop()
  }
}

async function showOnTerminal(cluster: DevCluster, end: Promise<unknown>): Promise<void> {
  const { showLive } = await import('./live.tsx')
  const footer = () => [...deaths(cluster, 'press r to start it again'), ...howTo(cluster)]
  const source = new StatusSource(() => cluster.agent.status(), footer)
  await showLive(source, { until: end, keys: { r: () => cluster.restartEnded() } })
}

async function print(
  cluster: DevCluster,
  say: (text: string) => void,
  end: Promise<unknown>,
): Promise<void> {
  say(howTo(cluster).join('\n'))
  const source = new StatusSource(() => cluster.agent.status())
  const render = (text: string) => [text, ...deaths(cluster), ''].join('\n')
  await printChanges(source, r => render(renderStatus(r, widthOf(process.stdout), plain)), end)
}

/** Who ended, how, and what it said last. */
function deaths(cluster: DevCluster, remedy?: string): string[] {
  return cluster.children
    .filter(child => child.end !== null)
    .flatMap(child => [
      `${child.name} ${child.end}; ${remedy ?? `start it again: hive agent --config ${child.config}`}`,
      ...child.tail(3).map(line => `  | ${line}`),
    ])
}

function howTo(cluster: DevCluster): string[] {
  const here = cluster.dir === '.hive'
  const where = here ? ' in this directory' : ''
  const socket = here ? '' : ` --socket ${cluster.children[0]!.socket}`
  return [
    `In another terminal${where}: npx hive status${socket}`,
    'Also: hive log --follow, hive kv put a 1, hive drain n2. Ctrl-C here stops it all.',
  ]
}

function stopSignal(): Promise<'stop'> {
  return new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => resolve('stop'))
    }
  })
}
