import { Flags } from '@oclif/core'
import { confirm } from '../client/ask.ts'
import { AgentCommand, badInput } from '../client/command.ts'
import { printable } from '../client/paint.ts'

export default class Reset extends AgentCommand {
  static override summary =
    'Make this node empty: its state is set aside, and it is a zombie again.'
  static override description =
    'Asks first, on a terminal. The old state is kept in a folder of the data directory; nothing is deleted. ' +
    'The node does not leave its cluster by this: do that before, with `hive leave`.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --yes',
  ]
  static override flags = {
    yes: Flags.boolean({ char: 'y', description: 'Do not ask.' }),
  }

  override async run(): Promise<{ setAside: string }> {
    const { flags } = await this.parse(Reset)
    const agent = this.agent(flags)
    if (!flags.yes) {
      mustBeTerminal()
      const { self, cluster } = await agent.status()
      const member = cluster.name === null ? '' : `, a member of ${printable(cluster.name)},`
      await confirm(`Make ${printable(self)}${member} an empty node?`)
    }
    const answer = await agent.reset()
    this.log(`this node is empty; old state: ${printable(answer.setAside)}`)
    return answer
  }
}

function mustBeTerminal(): void {
  if (process.stdin.isTTY) return
  throw badInput(
    'reset wants to be confirmed, and this is not a terminal',
    'if you mean it: hive reset --yes',
  )
}
