import { Flags } from '@oclif/core'
import type { InitAnswer } from '../api/types.ts'
import { AgentCommand } from '../client/command.ts'
import { type Painter, printable } from '../client/paint.ts'
import { renderNewToken } from '../dashboard/tokens.ts'

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
    approve: Flags.boolean({
      description:
        'Nodes that are new wait for hive admit; the same as join-approval in hive settings.',
    }),
    control: Flags.string({ description: 'The control nodes, by name.', helpValue: 'n1,n2,n3' }),
  }

  override async run(): Promise<InitAnswer> {
    const { flags } = await this.parse(Init)
    const control = flags.control
      ?.split(',')
      .map(name => name.trim())
      .filter(name => name !== '')
    const answer = await this.agent(flags).init({
      ...(flags.name !== undefined && { name: flags.name }),
      ...(control !== undefined && { control }),
      ...(flags.approve && { approve: true }),
    })
    this.log(renderInit(answer, this.paint))
    return answer
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
  if (!token) return [`add a node:    ${printable(join)}`]
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
