import { type Address, formatAddress } from '../base/address.ts'
import { OperatorError } from '../base/errors.ts'
import type { CloseReason } from './types.ts'

/** What the operating system says, in the words of an operator and of `CloseReason`. */
export function bindError(error: unknown, protocol: 'UDP' | 'TCP', at: Address): Error {
  const where = `${protocol} ${formatAddress(at)}`
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return new OperatorError(
        'PORT_IN_USE',
        `${where} is in use by another process`,
        'stop that process, or choose another address',
      )
    case 'EACCES':
    case 'EPERM':
      return new OperatorError(
        'PERMISSION',
        `the operating system forbids ${where}`,
        'choose a port above 1023, or grant CAP_NET_BIND_SERVICE',
      )
    case 'EADDRNOTAVAIL':
      return new OperatorError(
        'BAD_CONFIG',
        `${where}: this machine has no such address`,
        "choose an address of one of this machine's interfaces, or 0.0.0.0",
      )
    case 'EAFNOSUPPORT':
      return new OperatorError(
        'BAD_CONFIG',
        `${where}: this machine has no ${at.host.includes(':') ? 'IPv6' : 'IPv4'}`,
        'choose an address of the other family',
      )
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new OperatorError(
        'BAD_CONFIG',
        `${where}: the name cannot be resolved`,
        'write an IP address',
      )
    default:
      return new OperatorError('INTERNAL', `${where} cannot be used: ${String(error)}`)
  }
}

export function closeReason(error: unknown, opened: boolean): CloseReason {
  switch (codeOf(error)) {
    case 'ECONNREFUSED':
      return 'refused'
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ECONNABORTED':
      return 'reset'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_NODATA':
    case 'EAI_NONAME':
      return 'unresolved'
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'EHOSTDOWN':
    case 'ENETUNREACH':
    case 'ENETDOWN':
      return 'timeout'
    default:
      return opened ? 'reset' : 'closed'
  }
}

export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}

/** `::ffff:10.0.0.1`, as a socket for both families shows it, is the address 10.0.0.1. */
export function plainHost(host: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(host) ? host.slice(7) : host
}
