import { Args } from '@oclif/core'
import { AgentCommand } from '../../client/command.ts'
import { deregisterService } from '../../client/service-client.ts'

export default class ServiceDeregister extends AgentCommand {
  static override summary = 'Take a service of this node away.'
  static override examples = ['<%= config.bin %> <%= command.id %> web']
  static override args = {
    id: Args.string({ description: 'Id of the service.', required: true, ignoreStdin: true }),
  }

  override async run(): Promise<{ deregistered: string }> {
    const { args, flags } = await this.parse(ServiceDeregister)
    await deregisterService(this.agent(flags), args.id)
    this.log(`deregistered: ${args.id}`)
    return { deregistered: args.id }
  }
}
