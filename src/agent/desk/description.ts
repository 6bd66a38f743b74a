import { MalformedError } from '../../base/bytes.ts'
import { count, type Fields, fields, optionalText, text, texts } from '../../base/shape.ts'
import { isUuid } from '../../base/uuid.ts'
import type { NodeDescription } from '../../state/events.ts'

/** What a node says of itself; it ends up on operators' terminals, also when it is refused. Throws MalformedError. */
export function description(from: Fields): NodeDescription {
  const address = fields(from.address, 'node.address')
  const id = text(from, 'id', 36)
  if (!isUuid(id)) throw new MalformedError('id must be a UUID')
  const name = text(from, 'name', 63)
  if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i.test(name))
    throw new MalformedError('name must be a DNS label')
  const port = count(address, 'port')
  if (port > 65_535) throw new MalformedError('port must be at most 65535')
  const key = optionalText(from, 'key', 64)
  if (key !== undefined && !/^[0-9a-f]{64}$/.test(key))
    throw new MalformedError('key must be a fingerprint')
  return {
    id,
    name,
    address: { host: plain('host', text(address, 'host', 253)), port },
    dc: plain('dc', text(from, 'dc', 63)),
    version: plain('version', text(from, 'version', 32)),
    incarnation: count(from, 'incarnation'),
    roles: texts(from, 'roles', 64).map(role => plain('roles', role)),
    ...(key !== undefined && { key }),
  }
}

/** As long as a host may be, the longest of them. */
const most = 253

function plain(key: string, value: string): string {
  if (value.length > most || !/^[\w.:%+-]*$/.test(value))
    throw new MalformedError(`${key} must be letters, digits and . : % + - _`)
  return value
}
