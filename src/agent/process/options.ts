import { type Address, parseAddress } from '../../base/address.ts'
import { parseDuration } from '../../base/duration.ts'
import type { Problem } from '../../base/errors.ts'
import type { AgentConfig } from './config.ts'
import { isWildcard } from './own-address.ts'

/**
 * Every setting of the agent, once: its flag, its variable, its TOML key, how it is read and what it
 * is without any of them. `load-config.ts` follows this table, and tests hold the command's flags and
 * `docs/configuration.md` against it.
 */
export interface Option {
  readonly field: keyof AgentConfig | 'config'
  /** Without the two dashes. */
  readonly flag: string
  /** The first is the usual one. */
  readonly env: readonly string[]
  /** Undefined: cannot stand in the file. */
  readonly toml?: string
  /** What stands for the value in help texts. */
  readonly value: string
  /** Given several times as a flag, separated by commas in a variable, a list in TOML. */
  readonly list?: true
  /** A path: relative to the file where the file says it. */
  readonly path?: true
  readonly summary: string
  /** In words. */
  readonly default: string
  /** One value (one item of a list) as text; a problem where it is none. */
  read(text: string): { readonly value: unknown } | { readonly problem: string }
}

export const defaultPorts = { peers: 4483, http: 4480 } as const

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const

/** Names go into host names (NAME.node.hive): one DNS label (RFC 1123 §2.1). */
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

export const options: readonly Option[] = [
  {
    field: 'config',
    flag: 'config',
    env: ['HIVE_CONFIG'],
    value: 'FILE',
    summary: 'TOML file with any of these',
    default: 'none',
    read: text => ({ value: text }),
  },
  {
    field: 'name',
    flag: 'name',
    env: ['HIVE_NAME'],
    toml: 'name',
    value: 'NAME',
    summary: 'name of the node, unique in the cluster',
    default: 'the host name',
    read: readLabel,
  },
  {
    field: 'dataDir',
    flag: 'data-dir',
    env: ['HIVE_DATA_DIR'],
    toml: 'data_dir',
    value: 'DIR',
    path: true,
    summary: 'where the node keeps its identity, log and state',
    default: '/var/lib/hive for root, otherwise ~/.local/share/hive',
    read: text => ({ value: text }),
  },
  {
    field: 'bind',
    flag: 'bind',
    env: ['HIVE_BIND'],
    toml: 'bind',
    value: 'HOST[:PORT]',
    summary: 'gossip (UDP) and streams (TCP); port 0 is any free one',
    default: `127.0.0.1:${defaultPorts.peers}`,
    read: text => readAddress(text, defaultPorts.peers),
  },
  {
    field: 'advertise',
    flag: 'advertise',
    env: ['HIVE_ADVERTISE'],
    toml: 'advertise',
    value: 'HOST[:PORT]',
    summary: 'what other nodes dial',
    default: 'the same as bind; where that is all addresses, the only one of this machine',
    read: readAdvertise,
  },
  {
    field: 'http',
    flag: 'http',
    env: ['HIVE_HTTP'],
    toml: 'http',
    value: 'HOST[:PORT]|off',
    summary: 'HTTP API; off leaves only the local socket',
    default: `127.0.0.1:${defaultPorts.http}`,
    read: text => (text === 'off' ? { value: null } : readAddress(text, defaultPorts.http)),
  },
  {
    field: 'httpTls',
    flag: 'http-tls',
    env: ['HIVE_HTTP_TLS'],
    toml: 'http_tls',
    value: 'auto|on',
    summary: 'auto: the HTTP API is over TLS unless only this machine reaches it; on: always',
    default: 'auto',
    read: text => readOneOf(text, ['auto', 'on']),
  },
  {
    field: 'httpAuth',
    flag: 'http-auth',
    env: ['HIVE_HTTP_AUTH'],
    toml: 'http_auth',
    value: 'auto|on',
    summary: 'auto: the HTTP API needs a token unless only this machine reaches it; on: always',
    default: 'auto',
    read: text => readOneOf(text, ['auto', 'on']),
  },
  {
    field: 'socket',
    flag: 'socket',
    env: ['HIVE_SOCKET'],
    toml: 'socket',
    value: 'PATH',
    path: true,
    summary: 'local socket of the API',
    default: 'agent.sock in the data directory',
    read: text => ({ value: text }),
  },
  {
    field: 'join',
    flag: 'join',
    env: ['HIVE_JOIN'],
    toml: 'join',
    value: 'HOST[:PORT]',
    list: true,
    summary: 'a node to join; all are tried, for ever, and names resolved anew',
    default: 'none',
    read(text) {
      const address = readAddress(text, defaultPorts.peers)
      return 'problem' in address ? address : { value: text }
    },
  },
  {
    field: 'roles',
    flag: 'role',
    env: ['HIVE_ROLES', 'HIVE_ROLE'],
    toml: 'roles',
    value: 'NAME',
    list: true,
    summary: 'a role of this node',
    default: 'none',
    read: text => ({ value: text }),
  },
  {
    field: 'dc',
    flag: 'dc',
    env: ['HIVE_DC'],
    toml: 'dc',
    value: 'NAME',
    summary: 'datacenter',
    default: 'dc1',
    read: readLabel,
  },
  {
    field: 'logLevel',
    flag: 'log-level',
    env: ['HIVE_LOG_LEVEL'],
    toml: 'log_level',
    value: 'LEVEL',
    summary: `how much the agent says of itself: ${logLevels.join(', ')}`,
    default: 'info',
    read: text => readOneOf(text, logLevels),
  },
  {
    field: 'timingFactor',
    flag: 'timing-factor',
    env: ['HIVE_TIMING_FACTOR'],
    toml: 'timing_factor',
    value: 'N',
    summary: 'multiplies the periods of Raft and SWIM, for slow networks',
    default: '1',
    read: readFactor,
  },
  {
    field: 'maxClockSkew',
    flag: 'max-clock-skew',
    env: ['HIVE_MAX_CLOCK_SKEW'],
    toml: 'max_clock_skew',
    value: 'TIME',
    summary: 'a node that comes is refused when its clock differs by more',
    default: '60s',
    read: readSkew,
  },
  {
    field: 'secretFile',
    flag: 'secret-file',
    env: ['HIVE_SECRET_FILE'],
    toml: 'secret_file',
    value: 'FILE',
    path: true,
    summary:
      'file with the secret of the cluster, as `hive secret new` makes it; or the secret itself in HIVE_SECRET',
    default: 'none; then only on loopback, or with a certificate',
    read: text => ({ value: text }),
  },
  {
    field: 'tokenFile',
    flag: 'token-file',
    env: ['HIVE_TOKEN_FILE'],
    toml: 'token_file',
    value: 'FILE',
    path: true,
    summary:
      'file with a token that lets the node in, as `hive token create` makes it; not needed once it is in',
    default: 'none',
    read: text => ({ value: text }),
  },
  {
    field: 'certificateLife',
    flag: 'certificate-life',
    env: ['HIVE_CERTIFICATE_LIFE'],
    toml: 'certificate_life',
    value: 'TIME',
    summary: 'how long a certificate counts; nodes renew theirs at half of it',
    default: '720h',
    read: readLife,
  },
  {
    field: 'snapshotEvery',
    flag: 'snapshot-every',
    env: ['HIVE_SNAPSHOT_EVERY'],
    toml: 'snapshot_every',
    value: 'TIME|off',
    summary: 'a control node keeps a verified snapshot in DATA_DIR/backups this often',
    default: '6h',
    read: readPeriod,
  },
  {
    field: 'snapshotKeep',
    flag: 'snapshot-keep',
    env: ['HIVE_SNAPSHOT_KEEP'],
    toml: 'snapshot_keep',
    value: 'N',
    summary: 'so many snapshots are kept, the newest',
    default: '7',
    read: text =>
      /^[1-9]\d{0,3}$/.test(text)
        ? { value: Number(text) }
        : { problem: `"${text}" must be a number from 1 to 9999` },
  },
  {
    field: 'socketGroup',
    flag: 'socket-group',
    env: ['HIVE_SOCKET_GROUP'],
    toml: 'socket_group',
    value: 'GROUP',
    summary: 'group that may use the local socket',
    default: 'none: only the user of the agent',
    read: text =>
      /^[A-Za-z0-9_.-]{1,64}$/.test(text)
        ? { value: text }
        : { problem: `"${text}" is no name of a group` },
  },
]

type Read = ReturnType<Option['read']>

function readLabel(text: string): Read {
  if (label.test(text)) return { value: text }
  return {
    problem: `"${text}" must be 1 to 63 of a-z, 0-9 and dashes, with no dash at either end`,
  }
}

function readOneOf(text: string, known: readonly string[]): Read {
  if (known.includes(text)) return { value: text }
  return { problem: `"${text}" must be one of ${known.join(', ')}` }
}

function readAddress(text: string, port: number): { value: Address } | { problem: string } {
  const address: Address | Problem = parseAddress(text, port)
  return 'message' in address ? { problem: address.message } : { value: address }
}

function readAdvertise(text: string): Read {
  const read = readAddress(text, defaultPorts.peers)
  if ('problem' in read || !isWildcard(read.value.host)) return read
  return {
    problem: `"${text}": nobody can dial ${read.value.host}; give an address of this machine`,
  }
}

/** Nothing agreed depends on clocks; deadlines, certificates and the times in the log are read by people. */
function readSkew(text: string): Read {
  const span = parseDuration(text)
  if (span !== undefined && span >= 1000 && span <= 86_400_000) return { value: span }
  return { problem: `"${text}" must be a length of time such as 60s, from 1s to 24h` }
}

/** Short enough to make theft worthless, long enough to outlast a holiday. */
function readLife(text: string): Read {
  const span = parseDuration(text)
  if (span !== undefined && span >= 10_000 && span <= 366 * 86_400_000) return { value: span }
  return { problem: `"${text}" must be a length of time such as 720h, from 10s to 8784h` }
}

function readPeriod(text: string): Read {
  if (text === 'off') return { value: null }
  const span = parseDuration(text)
  if (span !== undefined && span >= 1000 && span <= 366 * 86_400_000) return { value: span }
  return { problem: `"${text}" must be off or a length of time such as 6h, from 1s to 8784h` }
}

function readFactor(text: string): Read {
  const factor = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (factor >= 0.1 && factor <= 100) return { value: factor }
  return { problem: `"${text}" must be a number from 0.1 to 100` }
}
