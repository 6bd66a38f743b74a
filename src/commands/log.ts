import { Flags } from '@oclif/core'
import type { LoggedEvent } from '../client/agent-client.ts'
import { AgentCommand } from '../client/command.ts'
import { namesIn, renderEvent } from '../client/event-text.ts'
import { followLog, readLog } from '../client/log-reader.ts'

export default class Log extends AgentCommand {
  static override summary = 'Print the event log: what happened, in order, and who allowed it.'
  static override description = 'With --json one document; with --follow --json one event per line.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> --follow',
    '<%= config.bin %> <%= command.id %> --from 100 --type NodeFailed',
  ]
  static override flags = {
    follow: Flags.boolean({
      char: 'f',
      description: 'Go on with what happens next, until Ctrl-C.',
    }),
    from: Flags.integer({
      description: 'First sequence number.',
      helpValue: 'SEQ',
      min: 0,
      default: 0,
    }),
    type: Flags.string({ description: 'Only events of this type.', helpValue: 'TYPE' }),
  }

  override async run(): Promise<{ events: readonly LoggedEvent[]; next: number } | undefined> {
    const { flags } = await this.parse(Log)
    const agent = this.agent(flags)
    const names = namesIn(await agent.status())
    const show = (event: LoggedEvent) => this.log(renderEvent(event, names, this.paint))
    const query = { from: flags.from, type: flags.type }
    if (flags.follow) {
      const print = this.jsonEnabled() ? (event: LoggedEvent) => printLine(event) : show
      await followLog(agent, query, print)
      return undefined
    }
    const events: LoggedEvent[] = []
    const next = await readLog(agent, query, event => {
      if (this.jsonEnabled()) events.push(event)
      else show(event)
    })
    return { events, next }
  }
}

function printLine(event: LoggedEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}
