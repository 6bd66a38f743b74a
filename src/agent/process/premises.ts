import { chmodSync, chownSync, constants, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { OperatorError } from '../../base/errors.ts'

/** Who on this machine gets at the node's files and its local socket: its own user, and a group if the operator says so. */

/** Files that this process makes from now on are for its user alone. */
export function keepToOneself(): void {
  process.umask(0o077)
}

/** Nobody else may look into the data that is there already, as far as it is this user's to say. */
export function shutOutOthers(dataDir: string): void {
  const own = process.geteuid?.()
  for (const path of [dataDir, ...readdirSync(dataDir).map(name => join(dataDir, name))]) {
    const { mode, uid } = lstatSync(path)
    if ((mode & 0o077) !== 0 && (mode & linkType) !== link && uid === own)
      chmodSync(path, mode & 0o700)
  }
}

/** Where a link leads is not the data directory's business. */
const { S_IFMT: linkType, S_IFLNK: link } = constants

/**
 * Lets a group use the local socket. Where that lies in the data directory the group may pass through it, and
 * still neither list nor read anything there. Throws OperatorError.
 */
export function openToGroup(socket: string, dataDir: string, group: string): void {
  const gid = groupId(group)
  const folder = dirname(resolve(socket))
  try {
    chownSync(socket, -1, gid)
    chmodSync(socket, 0o660)
    if (folder !== resolve(dataDir)) return
    chownSync(folder, -1, gid)
    chmodSync(folder, 0o710)
  } catch (error) {
    throw new OperatorError(
      'PERMISSION',
      `the socket ${socket} cannot be given to the group ${group}: ${(error as NodeJS.ErrnoException).code}`,
      'the user that runs the agent must be a member of that group',
    )
  }
}

/** By number, or by name as /etc/group has it (group(5)). Throws OperatorError BAD_CONFIG. */
function groupId(group: string): number {
  if (/^\d+$/.test(group)) return Number(group)
  for (const line of readFileSync('/etc/group', 'utf8').split('\n')) {
    const [name, , gid] = line.split(':')
    if (name === group && gid) return Number(gid)
  }
  throw new OperatorError(
    'BAD_CONFIG',
    `socket_group: there is no group ${group} on this machine`,
    'create it (groupadd), or name another',
  )
}
