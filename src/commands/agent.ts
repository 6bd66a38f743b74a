import { Flags } from '@oclif/core'
import { HiveCommand } from '../client/command.ts'

/** Parses nothing itself: the agent merges the file, the environment and these, and lists all problems at once. */
export default class Agent extends HiveCommand {
  static override enableJsonFlag = false
  static override summary = 'Run the agent of this node.'
  static override description =
    'Each flag is also a variable (HIVE_DATA_DIR) and a TOML key (data_dir); flags win over variables, variables over the file. ' +
    'SIGTERM and SIGINT stop it and never change who is in the cluster.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> --name n1 --data-dir /var/lib/hive',
    '<%= config.bin %> <%= command.id %> --name n2 --bind 10.0.0.2:4483 --join 10.0.0.1:4483',
    '<%= config.bin %> <%= command.id %> --config /etc/hive.toml',
  ]
  static override flags = {
    name: Flags.string({
      description: 'Name of the node, unique in the cluster; default: the host name.',
    }),
    'data-dir': Flags.string({
      description: 'Where the node keeps its identity, log and state.',
      helpValue: 'DIR',
    }),
    bind: Flags.string({
      description: 'Gossip and streams, UDP and TCP; default 127.0.0.1:4483.',
      helpValue: 'HOST:PORT',
    }),
    advertise: Flags.string({
      description: 'What other nodes dial; default: --bind.',
      helpValue: 'HOST:PORT',
    }),
    http: Flags.string({
      description: 'HTTP API; default 127.0.0.1:4480.',
      helpValue: 'HOST:PORT|off',
    }),
    'http-tls': Flags.string({
      description: 'auto: HTTP is over TLS unless only this machine reaches it; on: always.',
      helpValue: 'auto|on',
    }),
    'http-auth': Flags.string({
      description: 'auto: HTTP needs a token unless only this machine reaches it; on: always.',
      helpValue: 'auto|on',
    }),
    socket: Flags.string({
      description: 'Local socket of the API; default DATA_DIR/agent.sock.',
      helpValue: 'PATH',
    }),
    join: Flags.string({
      description: 'A node to join; may be repeated. All are tried, for ever.',
      helpValue: 'HOST[:PORT]',
      multiple: true,
      multipleNonGreedy: true,
    }),
    role: Flags.string({
      description: 'A role of this node; may be repeated.',
      helpValue: 'NAME',
      multiple: true,
      multipleNonGreedy: true,
    }),
    dc: Flags.string({ description: 'Datacenter; default dc1.', helpValue: 'NAME' }),
    config: Flags.string({ description: 'TOML file with any of these.', helpValue: 'FILE' }),
    'log-level': Flags.string({
      description: 'trace, debug, info, warn, error or silent; default info.',
      helpValue: 'LEVEL',
    }),
    'timing-factor': Flags.string({
      description: 'Multiplies all periods on slow networks; default 1.',
      helpValue: 'N',
    }),
    'max-clock-skew': Flags.string({
      description: 'Refuse who comes with a clock that differs by more; default 60s.',
      helpValue: 'TIME',
    }),
    'secret-file': Flags.string({
      description: "File with the cluster's secret; see hive secret new.",
      helpValue: 'FILE',
    }),
    'token-file': Flags.string({
      description: 'File with a token that lets the node in; see hive token create.',
      helpValue: 'FILE',
    }),
    'certificate-life': Flags.string({
      description: 'How long a certificate counts that this node issues; default 720h.',
      helpValue: 'TIME',
    }),
    'snapshot-every': Flags.string({
      description:
        'A control node keeps a verified snapshot in DATA_DIR/backups this often; default 6h.',
      helpValue: 'TIME|off',
    }),
    'snapshot-keep': Flags.string({
      description: 'So many snapshots are kept, the newest; default 7.',
      helpValue: 'N',
    }),
    'socket-group': Flags.string({
      description: 'Group that may use the local socket; default: only the user of the agent.',
      helpValue: 'GROUP',
    }),
  }

  override async run(): Promise<void> {
    const { flags } = await this.parse(Agent)
    const { runAgent } = await import('../agent/main.ts')
    await runAgent(flags)
    // A parent that still holds the other end of it must not keep a stopped agent alive.
    process.stdin.destroy()
  }
}
