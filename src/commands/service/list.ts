import { formatAddress } from '../../base/address.ts'
import { AgentCommand } from '../../client/command.ts'
import { type Painter, paintLine, printable, type Tone } from '../../client/paint.ts'
import { listServices, type ServiceItem, serviceStatus } from '../../client/service-client.ts'
import { widthOf } from '../../dashboard/plain.ts'
import { tableOf } from '../../dashboard/table.ts'

export default class ServiceList extends AgentCommand {
  static override summary = 'List the services of this node and how they are.'
  static override examples = ['<%= config.bin %> <%= command.id %>']

  override async run(): Promise<{ services: readonly ServiceItem[] }> {
    const { flags } = await this.parse(ServiceList)
    const services = await listServices(this.agent(flags))
    this.log(renderServices(services, widthOf(process.stdout), this.paint))
    return { services }
  }
}

const tones: Readonly<Record<string, Tone>> = { passing: 'good', warning: 'warn', critical: 'bad' }

export function renderServices(
  services: readonly ServiceItem[],
  width: number,
  paint: Painter,
): string {
  if (services.length === 0) return 'this node has no services; add one with: hive service register'
  const columns = [
    { title: 'SERVICE', least: 8, expendable: 0 },
    { title: 'STATUS', least: 8, expendable: 0 },
    { title: 'WHERE', least: 12, expendable: 0 },
    { title: 'TAGS', least: 6, expendable: 2 },
    { title: 'CHECKS', least: 14, expendable: 1 },
  ]
  const rows = services.map(service => {
    const status = serviceStatus(service)
    const name = service.id === service.name ? service.name : `${service.id} (${service.name})`
    return [
      { text: printable(name), tone: 'strong' as Tone },
      { text: status, tone: tones[status] ?? 'plain' },
      { text: printable(whereText(service)), tone: 'plain' as Tone },
      { text: printable(service.tags.join(', ')) || '-', tone: 'plain' as Tone },
      { text: checksText(service), tone: 'dim' as Tone },
    ]
  })
  return tableOf(columns, rows, width)
    .map(line => paintLine(line, paint))
    .join('\n')
}

/** Without an address of its own it is at the node's. */
function whereText({ address, port }: ServiceItem): string {
  if (address !== '') return formatAddress({ host: address, port })
  return port === 0 ? '-' : `port ${port}`
}

function checksText(service: ServiceItem): string {
  if (service.checks.length === 0) return 'none'
  const told = service.checks.find(check => check.status !== 'passing') ?? service.checks[0]!
  return printable([told.name, told.output].filter(part => part !== '').join(': '))
}
