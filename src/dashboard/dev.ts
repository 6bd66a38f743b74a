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
    const started = await Promise.race([cluster.ready(say), end])
    if (started === undefined) return
    const source = new StatusSource(
      () => cluster.agent.status(),
      () => footerOf(cluster),
    )
    if (process.stdout.isTTY && process.stdin.isTTY) {
      const { showLive } = await import('./live.tsx')
      await showLive(source, end)
    } else {
      say(footerOf(cluster).join('\n'))
      await printChanges(
        source,
        report => `${renderStatus(report, widthOf(process.stdout), plain)}\n`,
        end,
      )
    }
  } finally {
    say('stopping the agents; their data stays')
    await cluster.stop()
  }
}

/** How to talk to it, and who died. */
function footerOf(cluster: DevCluster): string[] {
  const deaths = cluster.children
    .filter(child => child.end !== null)
    .flatMap(child => [
      `${child.node.name} ${child.end}; it said:`,
      ...child.tail(3).map(line => `  | ${line}`),
    ])
  const here = cluster.dir === '.hive'
  const first = cluster.children[0]!
  const socket = here ? '' : ` --socket ${first.socket}`
  return [
    ...deaths,
    `In another terminal${here ? ', in this directory' : ''}: npx hive status${socket}`,
    `also: hive log --follow, hive kv put a 1, hive drain n2; HTTP at 127.0.0.1:${first.node.http}. Ctrl-C stops it all.`,
  ]
}

function stopSignal(): Promise<undefined> {
  return new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => resolve(undefined))
  })
}
