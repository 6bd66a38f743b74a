import { Args, Flags } from '@oclif/core'
import { AgentCommand, badInput } from '../../client/command.ts'
import { registerService } from '../../client/service-client.ts'
import { definitionOf } from '../../client/service-definition.ts'
import { readServiceFile } from '../../client/service-file.ts'

export default class ServiceRegister extends AgentCommand {
  static override summary = 'Register a service of this node, with its health checks.'
  static override description = 'The same id again replaces it. The node needs the role host.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> web --port 8080 --check http://127.0.0.1:8080/health',
    '<%= config.bin %> <%= command.id %> db --port 3306 --check tcp:127.0.0.1:3306 --interval 5s --tag primary',
    '<%= config.bin %> <%= command.id %> batch --check ttl:30s',
    '<%= config.bin %> <%= command.id %> --file services.toml',
  ]
  static override args = {
    name: Args.string({ description: 'Name of the service.', ignoreStdin: true }),
  }
  static override flags = {
    file: Flags.string({
      char: 'f',
      description: 'TOML or JSON with one or more services.',
      helpValue: 'FILE',
    }),
    id: Flags.string({ description: 'Unique on this node; default: the name.' }),
    port: Flags.integer({ description: 'Its port.', min: 0, max: 65535 }),
    host: Flags.string({ description: "Its address; default: the node's.", helpValue: 'ADDRESS' }),
    tag: Flags.string({ description: 'May be repeated.', multiple: true, multipleNonGreedy: true }),
    meta: Flags.string({
      description: 'May be repeated.',
      helpValue: 'KEY=VALUE',
      multiple: true,
      multipleNonGreedy: true,
    }),
    check: Flags.string({
      description: 'How its health is checked; may be repeated.',
      helpValue: 'tcp:HOST:PORT|URL|ttl:30s',
      multiple: true,
      multipleNonGreedy: true,
    }),
    interval: Flags.string({ description: 'Between two checks.', default: '10s' }),
    timeout: Flags.string({ description: 'Of one check.', default: '5s' }),
  }

  override async run(): Promise<{ registered: string[] }> {
    const { args, flags } = await this.parse(ServiceRegister)
    if ((args.name === undefined) === (flags.file === undefined)) {
      throw badInput(
        'a service is registered by name or from a file',
        'give NAME or --file FILE, one of them',
      )
    }
    const definitions = flags.file
      ? await readServiceFile(flags.file)
      : [definitionOf(args.name!, flags)]
    const agent = this.agent(flags)
    const registered: string[] = []
    for (const definition of definitions) {
      await registerService(agent, definition)
      registered.push(nameOf(definition))
    }
    this.log(`registered: ${registered.join(', ')}`)
    return { registered }
  }
}

/** For the operator's eyes: the agent has accepted the definition, so it has one of these. */
function nameOf(definition: unknown): string {
  const { id, ID, name, Name } = definition as Record<string, string | undefined>
  return id ?? ID ?? name ?? Name ?? '?'
}
