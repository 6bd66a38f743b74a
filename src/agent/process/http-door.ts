import type { TcpDoor } from '../../api/api.ts'
import type { Security } from '../trust/security.ts'
import type { AgentConfig } from './config.ts'
import { isLoopback } from './exposure.ts'

/**
 * How the HTTP port is guarded. What others reach is over TLS and for those with a token, and no option takes
 * either away; on loopback both can be asked for, the token for instance behind a proxy, whose clients are
 * not of this machine.
 */
export function httpDoor(
  { http, httpTls, httpAuth }: Pick<AgentConfig, 'http' | 'httpTls' | 'httpAuth'>,
  security: Pick<Security, 'credentials' | 'onChange'>,
): TcpDoor {
  const inside = http !== null && isLoopback(http.host)
  const entrance = inside && httpAuth === 'auto' ? 'loopback' : 'network'
  if (inside && httpTls === 'auto') return { entrance }
  return {
    entrance,
    proof: {
      current() {
        const { member } = security.credentials
        return member && { cert: member.chain, key: member.key }
      },
      onChange: listener => security.onChange(listener),
    },
  }
}
