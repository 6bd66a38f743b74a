import { Flags } from '@oclif/core'
import type { InitAnswer } from '../api/types.ts'
import { OperatorError } from '../base/errors.ts'
import type { AgentClient } from '../client/agent-client.ts'
import { AgentCommand } from '../client/command.ts'
import { type Painter, printable } from '../client/paint.ts'
import { during } from '../client/progress.ts'
import { sendSnapshot } from '../client/snapshot-client.ts'
import { renderRestored } from '../client/snapshot-text.ts'
import { Progress } from '../client/transfer.ts'
import { renderNewToken } from '../dashboard/tokens.ts'
import type { Inspection } from '../snapshot/inspect.ts'

export default class Init extends AgentCommand {
  static override summary = 'Make a cluster of the zombies that see each other.'
  static override description =
    'The control nodes decide for the cluster and keep its log. Without --control hive picks 1, 3 or 5 of the nodes present and says why. ' +
    'If any of them cannot, everybody stays a zombie. The same init again is harmless. ' +
    'A node that was told to join others waits a moment for them; while it sees none of them it makes a cluster of itself only by --control.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> --name prod',
    '<%= config.bin %> <%= command.id %> --name prod --control n1,n2,n3',
  ]
  static override flags = {
    name: Flags.string({ description: "The cluster's name, for people." }),
    approve: Flags.boolean({
      description:
        'Nodes that are new wait for hive admit; the same as join-approval in hive settings.',
    }),
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
    const wish = {
      ...(name !== undefined && { name }),
      ...(control !== undefined && { control }),
      ...(flags.approve && { approve: true }),
    }
    const answer = await during('the control nodes elect a leader', agent.init(wish))
    if (file !== undefined && answer.repeated) throw keptAsItIs(file, answer)
    this.log(renderInit(answer, this.paint))
    if (file !== undefined) this.log(renderRestored(await filled(agent, file, answer), this.paint))
    return answer
  }
}

async function inspected(file: string): Promise<Inspection> {
  const { openSnapshot } = await import('../snapshot/inspect.ts')
  return openSnapshot(file).inspection
}

/** Somebody may have worked in it for a year: what is in it is replaced only by whoever says so. */
function keptAsItIs(file: string, { name }: InitAnswer): OperatorError {
  return new OperatorError(
    'ALREADY_INITIALISED',
    `«${name}» was active already, by the same init; nothing was restored`,
    `to replace its keys and settings by those of the snapshot: hive snapshot restore ${file} --from-another`,
  )
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
    ...joinLines(answer, paint),
  ].join('\n')
}

/** As lines to be copied to the new node: a token in an argument could be read by everybody there. */
function joinLines({ join, token }: InitAnswer, paint: Painter): string[] {
  if (!token) {
    const first = join.includes('--token-file')
      ? ['make a token:  (umask 077; hive token create > join.token), and bring it to the new node']
      : []
    return [...first, `add a node:    ${printable(join)}`]
  }
  return [
    'add a node:    run this on it',
    '',
    "(umask 077; cat > join.token) <<'END'",
    token.token,
    'END',
    printable(join),
    '',
    paint(`${renderNewToken(token)}; another: hive token create`, 'dim'),
  ]
}
