import { freePorts } from './ports.ts'
import { end, type Started, start, until, which } from './processes.ts'

/** Serf's agents with its LAN defaults; what each sees comes from its own trace, the moment it says so. */
export class SerfCluster {
  readonly agents: readonly Started[]
  /** Called for each verdict that an agent comes to. */
  onFailed: (by: number, failed: number) => void = () => {}

  private constructor(agents: readonly Started[]) {
    this.agents = agents
  }

  /** Undefined: serf is not installed. */
  static async start(count: number): Promise<SerfCluster | undefined> {
    const serf = which('serf')
    if (!serf) return undefined
    const ports = await freePorts(count * 2)
    const agents: Started[] = []
    const seen = new Map<number, Set<number>>()
    const cluster = new SerfCluster(agents)
    for (let i = 0; i < count; i++) {
      const args = ['agent', '-node', `s${i}`, '-bind', `127.0.0.1:${ports[i * 2]}`]
      args.push('-rpc-addr', `127.0.0.1:${ports[i * 2 + 1]}`, '-log-level', 'info')
      if (i > 0) args.push('-retry-join', `127.0.0.1:${ports[0]}`, '-retry-interval', '1s')
      const agent = start(serf, args, {})
      agents.push(agent)
      const joined = new Set<number>()
      seen.set(i, joined)
      eachLine(agent, line => {
        const [, what, who] = /EventMember(Join|Failed): s(\d+)/.exec(line) ?? []
        if (what === 'Join') joined.add(Number(who))
        if (what === 'Failed') cluster.onFailed(i, Number(who))
      })
    }
    await until('all serf agents see each other', 60_000, async () =>
      [...seen.values()].every(joined => joined.size === count) ? true : undefined,
    )
    return cluster
  }

  async stop(): Promise<void> {
    await Promise.all(this.agents.map(agent => end(agent)))
  }
}

function eachLine(agent: Started, take: (line: string) => void): void {
  let rest = ''
  agent.child.stderr!.resume()
  agent.child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    for (const line of lines) take(line)
  })
}
