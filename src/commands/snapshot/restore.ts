import { Args, Flags } from '@oclif/core'
import type { RestoreAnswer } from '../../api/types.ts'
import { OperatorError } from '../../base/errors.ts'
import type { AgentClient } from '../../client/agent-client.ts'
import { AgentCommand, badInput } from '../../client/command.ts'
import { formatTime } from '../../client/event-text.ts'
import { printable } from '../../client/paint.ts'
import { fetchSnapshot, sendSnapshot } from '../../client/snapshot-client.ts'
import { renderDifference, renderRestored } from '../../client/snapshot-text.ts'
import { Progress } from '../../client/transfer.ts'
import { typedName } from '../../client/typed-name.ts'
import type { Difference, Opened } from '../../snapshot/inspect.ts'

export default class SnapshotRestore extends AgentCommand {
  static override summary = 'Replace the keys and settings of the cluster by those of a snapshot.'
  static override description =
    'Keys, values and settings become what they were; keys that came since go. Everybody sees the old until all is there, and then the new, from one event on; ' +
    'writes that are made meanwhile are replaced, too. Nodes, roles, voters, tokens, certificates and the history of events stay as they are, ' +
    'and what services nodes offer is their own word. The epoch rises. A cluster that is no more is made anew with: hive init --from-snapshot FILE.'
  static override examples = [
    {
      description: 'What would change:',
      command: '<%= config.bin %> <%= command.id %> prod.snapshot --dry-run',
    },
    '<%= config.bin %> <%= command.id %> prod.snapshot',
    {
      description: 'Without a terminal:',
      command: '<%= config.bin %> <%= command.id %> prod.snapshot --yes --name prod',
    },
  ]
  static override args = {
    file: Args.string({ description: 'The snapshot.', required: true }),
  }
  static override flags = {
    'dry-run': Flags.boolean({ description: 'Only say what would change.' }),
    yes: Flags.boolean({ description: 'Do not ask; --name says which cluster is meant.' }),
    name: Flags.string({
      description: 'The name of the cluster whose data is replaced, instead of typing it.',
      helpValue: 'NAME',
    }),
    'from-another': Flags.boolean({ description: 'The snapshot may be of another cluster.' }),
  }

  override async run(): Promise<RestoreAnswer | Difference> {
    const { args, flags } = await this.parse(SnapshotRestore)
    const agent = this.agent(flags)
    const { openSnapshot } = await import('../../snapshot/inspect.ts')
    const opened = openSnapshot(args.file)
    const cluster = await clusterOf(agent)
    const another = flags['from-another'] ?? false
    const { header } = opened.inspection
    if (header.cluster.tag !== cluster.tag && !another) {
      throw new OperatorError(
        'TAG_MISMATCH',
        `the snapshot is of another cluster, «${printable(header.cluster.name)}», tag ${header.cluster.tag}`,
        `if its data shall replace that of «${printable(cluster.name)}»: --from-another`,
      )
    }
    if (flags['dry-run']) {
      const changes = await compared(agent, opened)
      this.log(renderDifference(changes, this.paint))
      return changes
    }
    if (flags.yes && flags.name === undefined) {
      throw badInput('--yes wants --name', `to say which cluster: --yes --name ${cluster.name}`)
    }
    const name = flags.yes ? flags.name! : await this.#asked(agent, opened, cluster.name)
    const progress = new Progress(`restoring ${args.file}`)
    try {
      const { bytes } = opened.inspection
      const request = { name, another }
      const show = (sent: number) => progress.show(sent, bytes)
      const answer = await sendSnapshot(agent, args.file, request, show)
      progress.end()
      this.log(renderRestored(answer, this.paint))
      return answer
    } finally {
      progress.end()
    }
  }

  async #asked(agent: AgentClient, opened: Opened, name: string): Promise<string> {
    const otherwise = `look at it with --dry-run; if you mean it: --yes --name ${name}`
    if (!process.stdin.isTTY) return typedName('', otherwise)
    const { header } = opened.inspection
    const made = `${printable(header.cluster.name)} as of ${formatTime(header.time)}, index ${header.index}`
    const changes = renderDifference(await compared(agent, opened), this.paint)
    process.stderr.write(`${made}\n${changes}\n\n`)
    return typedName(
      `If you mean it, type the name of the cluster (${printable(name)}): `,
      otherwise,
    )
  }
}

async function clusterOf(agent: AgentClient): Promise<{ name: string; tag: string }> {
  const { name, tag } = (await agent.status()).cluster
  if (name !== null && tag !== null) return { name, tag }
  throw new OperatorError(
    'NOT_INITIALISED',
    'there is no cluster here whose data could be replaced',
    'make one with it: hive init --from-snapshot FILE',
  )
}

/** By a snapshot of now: what an agent knows and what the file has are opened side by side. */
async function compared(agent: AgentClient, then: Opened): Promise<Difference> {
  const { Collector, difference } = await import('../../snapshot/inspect.ts')
  const now = new Collector()
  await fetchSnapshot(agent, false, piece => now.add(piece))
  return difference(now.end().state, then.state)
}
