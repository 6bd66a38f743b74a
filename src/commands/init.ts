import { Flags } from '@oclif/core'
import type { InitAnswer } from '../api/types.ts'
import { OperatorError } from '../base/errors.ts'
import type { AgentClient } from '../client/agent-client.ts'
import { AgentCommand } from '../client/command.ts'
import { type Painter, printable } from '../client/paint.ts'
import { sendSnapshot } from '../client/snapshot-client.ts'
import { renderRestored } from '../client/snapshot-text.ts'
import { Progress } from '../client/transfer.ts'
import type { Inspection } from '../snapshot/inspect.ts'

export default class Init extends AgentCommand {
  static override summary = 'Make a cluster of the zombies that see each other.'
  static override description =
    'The control nodes decide for the cluster and keep its log. Without --control hive picks 1, 3 or 5 of the nodes present and says why. ' +
    'If any of them cannot, everybody stays a zombie. The same init again is harmless.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> --name prod',
    '<%= config.bin %> <%= command.id %> --name prod --control n1,n2,n3',
  ]
  static override flags = {
    name: Flags.string({ description: "The cluster's name, for people." }),
    'from-snapshot': Flags.string({
      description: 'Begin with the keys and settings of a snapshot; the tag is a new one.',
      helpValue: 'FILE',
    }),
    control: Flags.string({ description: 'The control nodes, by name.', helpValue: 'n1,n2,n3' }),
  }

  override async run(): Promise<InitAnswer> {
    const { flags } = await this.parse(Init)
    const control = flags.control
      ?.split(',')
      .map(name => name.trim())
      .filter(name => name !== '')
    const file = flags['from-snapshot']
    // Looked at first: a cluster is not made for a file that cannot come back.
    const origin = file === undefined ? undefined : (await inspected(file)).header.cluster.name
    const agent = this.agent(flags)
    const name = flags.name ?? origin
    const answer = await agent.init({
      ...(name !== undefined && { name }),
      ...(control !== undefined && { control }),
    })
    this.log(renderInit(answer, this.paint))
    if (file !== undefined) this.log(renderRestored(await filled(agent, file, answer), this.paint))
    return answer
  }
}

async function inspected(file: string): Promise<Inspection> {
  const { openSnapshot } = await import('../snapshot/inspect.ts')
  return openSnapshot(file).inspection
}

/** If it comes to nothing, there is a cluster without keys: `hive snapshot restore` goes on from there. */
async function filled(agent: AgentClient, file: string, { name }: InitAnswer) {
  const progress = new Progress(`restoring ${file}`)
  try {
    return await sendSnapshot(agent, file, { name, another: true }, sent => progress.show(sent))
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error
    throw new OperatorError(
      error.code,
      `the cluster is made, but the snapshot did not come back: ${error.message}`,
      `hive snapshot restore ${file} --from-another`,
    )
  } finally {
    progress.end()
  }
}

export function renderInit(answer: InitAnswer, paint: Painter): string {
  const head = answer.repeated ? 'was active already, by the same init' : 'is active'
  const why = answer.why === '' ? '' : paint(` (${printable(answer.why)})`, 'dim')
  return [
    `${paint(printable(answer.name), 'strong')} ${paint(head, 'good')}   tag ${answer.tag}`,
    `control nodes: ${answer.control.map(printable).join(', ')}${why}`,
    `add a node:    ${printable(answer.join)}`,
  ].join('\n')
}
