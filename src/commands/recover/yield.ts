import { Flags } from '@oclif/core'
import { confirm } from '../../client/ask.ts'
import { AgentCommand, badInput } from '../../client/command.ts'
import { printable } from '../../client/paint.ts'

export default class RecoverYield extends AgentCommand {
  static override summary =
    "Give in to the other history of the cluster: this node's own is set aside."
  static override description =
    'For a node of the side that was given up in a rescue, when that side has a quorum of its own, and for one that is DIVERGED. Its log and state are ' +
    'kept in a folder of the data directory; it joins the other side anew, under the same id and name, without a vote.'
  static override examples = ['<%= config.bin %> <%= command.id %> --yes']
  static override flags = {
    yes: Flags.boolean({ char: 'y', description: 'Do not ask.' }),
  }

  override async run(): Promise<{ setAside: string }> {
    const { flags } = await this.parse(RecoverYield)
    const agent = this.agent(flags)
    if (!flags.yes) {
      if (!process.stdin.isTTY) {
        throw badInput(
          'giving in wants to be confirmed, and this is not a terminal',
          'if you mean it: hive recover yield --yes',
        )
      }
      const { self } = await agent.status()
      await confirm(`Set aside all that ${printable(self)} knows, and take the other history?`)
    }
    const answer = await agent.recoverYield()
    this.log(
      `this node bootstraps anew; its old log: ${printable(answer.setAside)} (hive log --file prints it)`,
    )
    return answer
  }
}
