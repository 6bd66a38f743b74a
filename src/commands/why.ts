import { Args } from '@oclif/core'
import type { WhyReport } from '../api/types.ts'
import { AgentCommand, badInput } from '../client/command.ts'
import { renderWhy } from '../client/why-text.ts'
import { terminalWidth } from '../client/wrap.ts'

export default class Why extends AgentCommand {
  static override summary = 'Tell why something is as it is: what happened, newest last.'
  static override description =
    'From the event log, and from what control nodes remember beside it: whom they refused, and whom they took for the leader. NODE is a name or id; of a node that is called election, epoch or join, its id.'
  static override usage = ['why NODE', 'why election', 'why epoch', 'why join NAME']
  static override examples = [
    { description: 'Why is n3 failed?', command: '<%= config.bin %> <%= command.id %> n3' },
    {
      description: 'Who led when, and why it changed:',
      command: '<%= config.bin %> <%= command.id %> election',
    },
    { description: 'What raised the epoch:', command: '<%= config.bin %> <%= command.id %> epoch' },
    {
      description: 'Why does n9 not get in?',
      command: '<%= config.bin %> <%= command.id %> join n9',
    },
  ]
  static override args = {
    subject: Args.string({
      description: 'A node, or election, epoch or join.',
      required: true,
      ignoreStdin: true,
    }),
    name: Args.string({ description: 'With join: who wants in.', ignoreStdin: true }),
  }

  override async run(): Promise<WhyReport> {
    const { args, flags } = await this.parse(Why)
    const { subject, name } = args
    if (subject === 'join' && name === undefined)
      throw badInput('who wants in?', 'hive why join NAME')
    if (subject !== 'join' && name !== undefined)
      throw badInput(`${name} is one too many`, 'hive why NODE, or hive why join NAME')
    const report = await this.agent(flags).why(
      subject === 'election' || subject === 'epoch'
        ? { about: subject }
        : subject === 'join'
          ? { about: 'join', name: name! }
          : { about: 'node', name: subject },
    )
    this.log(renderWhy(report, this.paint, terminalWidth(process.stdout)))
    return report
  }
}
