import { spawnSync } from 'node:child_process'
import type { Figure } from './figures.ts'
import { HiveCluster } from './hive.ts'
import { clean } from './processes.ts'
import { type Bench, subdir } from './room.ts'

/** What a person waits for after pressing return: the whole process, from start to end. */
export const cli: Bench = {
  name: 'cli',
  summary: '`hive status` and `hive version` beside an empty Node.js',
  async run(room) {
    const cluster = await HiveCluster.start(room.script, subdir(room, 'cli'), 1)
    try {
      const env = { ...clean(process.env), HIVE_SOCKET: `${room.dir}/cli/n1/agent.sock` }
      const commands = {
        'node -e 0': ['-e', '0'],
        'hive status': [room.script, 'status'],
        'hive version': [room.script, 'version'],
      }
      const millis: Record<string, number[]> = {}
      const rounds = room.quick ? 5 : 40
      // The first rounds fill the compile cache.
      for (let i = -3; i < rounds; i++) {
        for (const [name, args] of Object.entries(commands)) {
          const from = performance.now()
          const { status, stderr } = spawnSync(process.execPath, args, { env })
          const took = performance.now() - from
          if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`)
          if (i >= 0) (millis[name] ??= []).push(took)
        }
      }
      const figure = (what: string, goal?: number): Figure => ({
        bench: 'cli',
        what,
        unit: 'ms',
        better: 'less',
        hive: millis[what]!,
        peer: { name: 'node -e 0', values: millis['node -e 0']! },
        ...(goal !== undefined && { goal }),
      })
      return [figure('hive status', 3), figure('hive version')]
    } finally {
      await cluster.stop()
    }
  },
}
