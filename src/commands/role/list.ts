import type { RoleReport } from '../../api/types.ts'
import { AgentCommand } from '../../client/command.ts'
import { type Painter, paintLine, printable } from '../../client/paint.ts'
import { widthOf } from '../../dashboard/plain.ts'
import { tableOf } from '../../dashboard/table.ts'

export default class RoleList extends AgentCommand {
  static override summary = 'List the roles that exist, what they need and where they run.'
  static override examples = ['<%= config.bin %> <%= command.id %>']

  override async run(): Promise<{ roles: readonly RoleReport[] }> {
    const { flags } = await this.parse(RoleList)
    const roles = await this.agent(flags).roles()
    this.log(renderRoles(roles, widthOf(process.stdout), this.paint))
    return { roles }
  }
}

/** A line per role and node, so that a failed one shows its reason. */
export function renderRoles(roles: readonly RoleReport[], width: number, paint: Painter): string {
  const columns = [
    { title: 'ROLE', least: 6, expendable: 0 },
    { title: 'NODE', least: 6, expendable: 0 },
    { title: 'STATE', least: 8, expendable: 0 },
    { title: 'DETAIL', least: 12, expendable: 0 },
  ]
  const rows = roles.flatMap(role => {
    const name = { text: printable(role.name), tone: 'strong' as const }
    const blank = { text: '-', tone: 'dim' as const }
    const needs = role.requires.length > 0 ? ` (needs ${role.requires.join(', ')})` : ''
    const about = { text: printable(role.description + needs), tone: 'dim' as const }
    if (role.nodes.length === 0) return [[name, blank, blank, about]]
    return role.nodes.map(({ node, state, detail }) => [
      name,
      { text: printable(node), tone: 'plain' as const },
      {
        text: state,
        tone:
          state === 'failed'
            ? ('bad' as const)
            : state === 'running'
              ? ('good' as const)
              : ('warn' as const),
      },
      detail === '' ? about : { text: printable(detail), tone: 'plain' as const },
    ])
  })
  if (rows.length === 0) return 'this build knows no roles'
  return tableOf(columns, rows, width)
    .map(line => paintLine(line, paint))
    .join('\n')
}
