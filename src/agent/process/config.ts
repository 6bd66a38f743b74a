import type { Address } from '../../base/address.ts'

/** Everything that can be configured: one type; each field a flag, a HIVE_* variable and a TOML key. */
export interface AgentConfig {
  /** Unique in the cluster. Default: the host name. */
  readonly name: string
  readonly dataDir: string
  /** Gossip (UDP) and streams (TCP). Default 127.0.0.1:4483. Port 0: any free one. */
  readonly bind: Address
  /** What others should dial; default: `bind`. */
  readonly advertise: Address | null
  /** HTTP API; null: off. Default 127.0.0.1:4480. */
  readonly http: Address | null
  /** `on`: TLS on loopback too; outside it there is nothing else. Default auto. */
  readonly httpTls: 'auto' | 'on'
  /** `on`: a token is needed on loopback too, as behind a proxy; outside it always is. Default auto. */
  readonly httpAuth: 'auto' | 'on'
  /** Local socket. Default: DATA_DIR/agent.sock. */
  readonly socket: string
  /** Seeds, tried for ever, names resolved anew each time. */
  readonly join: readonly string[]
  readonly roles: readonly string[]
  /** Per role, for its own `parse`, which found nothing wrong with it: TOML `[role.NAME]`. */
  readonly roleConfig: Readonly<Record<string, unknown>>
  readonly dc: string
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** Raft and SWIM periods are multiplied by this on slow networks. Default 1. */
  readonly timingFactor: number
  /** A node that comes is refused when its clock differs by more, ms. Default 60 s. */
  readonly maxClockSkew: number
  /** File with the cluster's secret; null: none, unless HIVE_SECRET has it. */
  readonly secretFile: string | null
  /** File with a join token; null: none. */
  readonly tokenFile: string | null
  /** How long a certificate counts that this node issues as the leader, ms. Default 30 days. */
  readonly certificateLife: number
  /** A control node keeps a snapshot of its state this often, ms; null: never. Default 6 h. */
  readonly snapshotEvery: number | null
  /** So many of them. Default 7. */
  readonly snapshotKeep: number
  /** Group that may use the local socket, by name or number; null: only the agent's user. */
  readonly socketGroup: string | null
  /** What relative paths in `roleConfig` are relative to: the file's folder. Default: the working directory. */
  readonly folder?: string
}
