import { Args, Flags } from '@oclif/core'
import { AgentCommand } from '../../client/command.ts'
import { type KvItem, kvGet } from '../../client/kv-client.ts'
import { freshness, freshnessOf, itemJson, type KvJson, utf8Of } from '../../client/kv-text.ts'

export default class KvGet extends AgentCommand {
  static override summary = 'Print the value of a key.'
  static override description =
    'Reads are linearizable: they see every write that was acknowledged before. --stale asks this agent only.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> app/config',
    '<%= config.bin %> <%= command.id %> app/logo.png --raw > logo.png',
  ]
  static override args = {
    key: Args.string({ description: 'The key.', required: true, ignoreStdin: true }),
  }
  static override flags = {
    raw: Flags.boolean({
      description: 'Exactly the bytes of the value, without a line end.',
      exclusive: ['json'],
    }),
    ...freshness,
  }

  override async run(): Promise<KvJson> {
    const { args, flags } = await this.parse(KvGet)
    const item = await kvGet(this.agent(flags), args.key, freshnessOf(flags))
    if (flags.raw) process.stdout.write(item.value)
    else this.log(renderValue(item))
    return itemJson(item)
  }
}

/** As a line of its own. Bytes that are no text would break a terminal. */
export function renderValue({ value }: KvItem): string {
  const text = utf8Of(value)
  if (text === undefined) return `(${value.length} bytes that are not text; print them with --raw)`
  return text.replace(/\n$/, '')
}
