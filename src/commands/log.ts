import { Flags } from '@oclif/core'
import type { KeptEvents } from '../api/types.ts'
import type { LoggedEvent } from '../client/agent-client.ts'
import { AgentCommand } from '../client/command.ts'
import { type Names, namesIn, renderEvent } from '../client/event-text.ts'
import { followLog, type Learn, readLog } from '../client/log-reader.ts'
import { terminalWidth } from '../client/wrap.ts'

export default class Log extends AgentCommand {
  static override summary = 'Print the event log: what happened, in order, and who allowed it.'
  static override description = 'With --json one document; with --follow --json one event per line.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> --follow',
    '<%= config.bin %> <%= command.id %> --from 100 --type NodeFailed',
    {
      description: 'What a node of a lost side had written:',
      command: '<%= config.bin %> <%= command.id %> --file /var/lib/hive/aside/epoch-1-1',
    },
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
    file: Flags.string({
      description: 'Read a log that was set aside (a folder of DATA_DIR/aside); no agent is asked.',
      helpValue: 'PATH',
      exclusive: ['follow'],
    }),
  }

  override async run(): Promise<
    { events: readonly LoggedEvent[]; next: number } | KeptEvents | undefined
  > {
    const { flags } = await this.parse(Log)
    if (flags.file !== undefined) return this.#kept(flags.file, flags.from, flags.type)
    const agent = this.agent(flags)
    const names = namesIn(await agent.status())
    const show = (event: LoggedEvent) =>
      this.log(renderEvent(event, names, this.paint, terminalWidth(process.stdout)))
    const query = { from: flags.from, type: flags.type }
    const learn: Learn = gone => {
      for (const [id, name] of Object.entries(gone)) names.set(id, name)
    }
    if (flags.follow) {
      const print = this.jsonEnabled() ? (event: LoggedEvent) => printLine(event) : show
      await followLog(agent, query, print, learn)
      return undefined
    }
    const events: LoggedEvent[] = []
    const take = (event: LoggedEvent) => {
      if (this.jsonEnabled()) events.push(event)
      else show(event)
    }
    const next = await readLog(agent, query, take, learn)
    return { events, next }
  }

  async #kept(path: string, from: number, type: string | undefined): Promise<KeptEvents> {
    const { keptEvents } = await import('../agent/kept-log.ts')
    const kept = keptEvents(path, from, type)
    const names: Names = new Map(Object.entries(kept.names))
    for (const event of kept.events) {
      const open =
        event.seq > kept.commitIndex ? this.paint('   not known to be agreed', 'warn') : ''
      this.log(`${renderEvent(event, names, this.paint, terminalWidth(process.stdout))}${open}`)
    }
    return kept
  }
}

function printLine(event: LoggedEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}
