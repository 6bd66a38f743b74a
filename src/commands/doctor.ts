import { Flags } from '@oclif/core'
import type { DoctorReport, DoctorVerdict } from '../api/doctor-types.ts'
import { OperatorError } from '../base/errors.ts'
import type { AgentClient } from '../client/agent-client.ts'
import { AgentCommand } from '../client/command.ts'
import { renderExaminations, unexamined, worstOf } from '../client/doctor-text.ts'
import { Progress } from '../client/progress.ts'
import { widthOf } from '../dashboard/plain.ts'

const exitCodes: Record<DoctorVerdict, number> = { ok: 0, skipped: 0, warn: 1, fail: 2 }

export default class Doctor extends AgentCommand {
  static override summary = 'Examine nodes: disk, clocks, ports, MTU, limits, certificates, seeds.'
  static override description =
    'Changes nothing; takes some seconds. Works among zombies and without a quorum. Exit code 0: well; 1: something to mend; 2: trouble, or no agent answers.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --all',
    {
      description: 'Without an agent: the disk alone, before it is trusted with a vote:',
      command: '<%= config.bin %> <%= command.id %> --data-dir /var/lib/hive',
    },
  ]
  static override flags = {
    node: Flags.string({
      description: 'Examine this node instead, asked through this agent; may be repeated.',
      helpValue: 'NODE',
      multiple: true,
      multipleNonGreedy: true,
      exclusive: ['all', 'data-dir'],
    }),
    all: Flags.boolean({
      description: 'Examine every node of the cluster.',
      exclusive: ['data-dir'],
    }),
    'data-dir': Flags.string({
      description: 'Examine a data directory, with no agent running.',
      helpValue: 'DIR',
    }),
  }

  override async run(): Promise<{ verdict: DoctorVerdict; nodes: readonly DoctorReport[] }> {
    const { flags } = await this.parse(Doctor)
    const { node = [], all, 'data-dir': dataDir } = flags
    const nodes =
      dataDir === undefined
        ? await examined(this.agent(flags), node, all)
        : [await offline(dataDir)]
    this.log(renderExaminations(nodes, widthOf(process.stdout), this.paint))
    const verdict = worstOf(nodes)
    process.exitCode = exitCodes[verdict]
    return { verdict, nodes }
  }
}

async function examined(
  agent: AgentClient,
  named: readonly string[],
  all: boolean,
): Promise<readonly DoctorReport[]> {
  const progress = new Progress(process.stderr)
  try {
    const wanted = all ? (await agent.status()).nodes.map(n => n.name) : named
    if (wanted.length === 0) {
      progress.say('examining this node …')
      return [await agent.doctor()]
    }
    let done = 0
    const nodes = wanted.length === 1 ? wanted[0] : `${wanted.length} nodes`
    const say = () => progress.say(`examining ${nodes}: ${done} done …`)
    say()
    return await Promise.all(
      wanted.map(async name => {
        const report = await agent.doctor(name).catch((error: unknown) => {
          // One that does not answer is news; one that nobody knows is a mistake.
          if (!(error instanceof OperatorError) || !all) throw error
          return unexamined(name, error)
        })
        done++
        say()
        return report
      }),
    )
  } finally {
    progress.end()
  }
}

async function offline(dataDir: string): Promise<DoctorReport> {
  const { examineOffline } = await import('../agent/doctor-offline.ts')
  return examineOffline(dataDir)
}
