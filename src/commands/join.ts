import { Args, Flags } from '@oclif/core'
import type { JoinAnswer } from '../api/types.ts'
import { AgentCommand } from '../client/command.ts'
import { type Painter, printable } from '../client/paint.ts'
import { during } from '../client/progress.ts'
import { readTokenFile } from '../client/token-input.ts'

export default class Join extends AgentCommand {
  static override summary = 'Make this agent, a running zombie, join a cluster or other zombies.'
  static override description =
    'The agent keeps trying until it is in; the answer says how far it came, and the exit code is 1 while it is not in. An agent can also be started with --join.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> 10.0.0.1:4483',
    '<%= config.bin %> <%= command.id %> 10.0.0.1:4483 --token-file join.token',
    'ssh n1 hive token create | <%= config.bin %> <%= command.id %> 10.0.0.1:4483 --token-file -',
  ]
  static override args = {
    address: Args.string({
      description: 'Gossip address of any node that is in (default port 4483).',
      required: true,
      ignoreStdin: true,
    }),
  }

  static override flags = {
    'token-file': Flags.string({
      description: 'File with a token of hive token create; - is standard input.',
      helpValue: 'FILE',
    }),
  }

  override async run(): Promise<JoinAnswer> {
    const { args, flags } = await this.parse(Join)
    const file = flags['token-file']
    const token = file === undefined ? undefined : await readTokenFile(file)
    const answer = await during(
      `asking ${printable(args.address)}`,
      this.agent(flags).join({ address: args.address, ...(token !== undefined && { token }) }),
    )
    this.log(renderJoin(answer, this.paint))
    if (answer.state === 'trying' || answer.state === 'waiting') process.exitCode = 1
    return answer
  }
}

export function renderJoin(answer: JoinAnswer, paint: Painter): string {
  const detail = answer.detail === '' ? '' : `: ${printable(answer.detail)}`
  switch (answer.state) {
    case 'joined':
      return paint(`joined ${printable(answer.cluster ?? 'the cluster')}`, 'good') + detail
    case 'zombie':
      return `found other zombies${detail}\n${paint('make a cluster of them with: hive init', 'dim')}`
    case 'waiting':
      return paint('waiting for an operator', 'warn') + detail
    case 'trying':
      return paint('still trying', 'warn') + detail
    default:
      return answer.state satisfies never
  }
}
