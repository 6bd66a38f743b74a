import type { SettingReport } from '../../api/types.ts'
import { AgentCommand } from '../../client/command.ts'
import { type Painter, printable } from '../../client/paint.ts'
import { laidOut, terminalWidth } from '../../client/wrap.ts'

export default class SettingsList extends AgentCommand {
  static override summary = 'List what the cluster has agreed on for all its nodes.'
  static override examples = ['<%= config.bin %> <%= command.id %>']

  override async run(): Promise<{ settings: readonly SettingReport[] }> {
    const { flags } = await this.parse(SettingsList)
    const settings = await this.agent(flags).settings()
    this.log(renderSettings(settings, this.paint, terminalWidth(process.stdout)))
    return { settings }
  }
}

/** `tombstone-grace = 72h  (the default)  a node may be away …` */
export function renderSettings(
  settings: readonly SettingReport[],
  paint: Painter,
  width?: number,
): string {
  const lines = settings.map(({ name, value, default: otherwise, meaning }) => {
    const origin = value === otherwise ? 'the default' : `default ${otherwise}`
    return `${paint(printable(name), 'strong')} = ${printable(value)}  ${paint(`(${printable(origin)})`, 'dim')}\n${laidOut({ head: '  ', painted: '  ', pieces: [{ text: printable(meaning), tone: 'plain' }] }, width, paint)}`
  })
  return lines.join('\n')
}
