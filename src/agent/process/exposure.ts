import { type Address, formatAddress } from '../../base/address.ts'
import { OperatorError } from '../../base/errors.ts'
import type { AgentConfig } from './config.ts'

/** Only this machine reaches such a host. */
export function isLoopback(host: string): boolean {
  return /^127(\.\d{1,3}){3}$/.test(host) || host === '::1' || host === 'localhost'
}

/** Nobody outside this machine is meant to reach the node. */
export function staysInside({ bind, advertise }: Pick<AgentConfig, 'bind' | 'advertise'>): boolean {
  return isLoopback(bind.host) && (advertise === null || isLoopback(advertise.host))
}

/** An agent that others can reach, and that has nothing by which they could know it from a stranger. */
export function insecure({
  bind,
  advertise,
}: {
  readonly bind: Address
  readonly advertise: Address | null
}): OperatorError {
  const at = advertise && !isLoopback(advertise.host) ? advertise : bind
  return new OperatorError(
    'INSECURE',
    `${formatAddress(at)} can be reached from outside this machine, and this node has no secret, token or certificate`,
    'for a new cluster make a secret once (hive secret new > hive.secret; chmod 600 hive.secret), copy it to every node, and start them with --secret-file hive.secret; to join one that is there: --join ADDR --token-file FILE, with a token of hive token create',
  )
}
