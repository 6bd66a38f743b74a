import { Args, Flags } from '@oclif/core'
import type { DrainProgress } from '../api/types.ts'
import { parseDuration } from '../base/duration.ts'
import { OperatorError } from '../base/errors.ts'
import { AgentCommand, badInput } from '../client/command.ts'
import { followDrain } from '../client/drain-follow.ts'
import { renderVerdict } from '../client/drain-text.ts'
import { printable } from '../client/paint.ts'

export default class Drain extends AgentCommand {
  static override summary = 'Take the work off a node: leadership, then each role, in order.'
  static override description =
    'Shows the verdict first: what the cluster looks like afterwards. The node may be dead: a drain is an entry of the log. ' +
    'Ctrl-C stops watching, not the drain; --cancel undoes it. Exit code 0 once drained.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> n3 --dry-run',
    '<%= config.bin %> <%= command.id %> n3 --reason "kernel update" --deadline 5m',
    '<%= config.bin %> <%= command.id %> n3 --cancel',
  ]
  static override args = {
    node: Args.string({
      description: 'Name or id of the node.',
      required: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    'dry-run': Flags.boolean({
      description: 'Only the verdict; nothing happens.',
      exclusive: ['cancel'],
    }),
    cancel: Flags.boolean({
      description: 'Undo: the node takes work again.',
      exclusive: ['deadline'],
    }),
    wait: Flags.boolean({ description: 'Wait until it is drained.', default: true, allowNo: true }),
    deadline: Flags.string({
      description: 'Call it drained after so long, whatever still runs.',
      helpValue: '5m',
    }),
    force: Flags.boolean({ description: 'Drain although the verdict refuses.' }),
    reason: Flags.string({ description: 'For the event log.', default: '' }),
  }

  override async run(): Promise<DrainProgress> {
    const { args, flags } = await this.parse(Drain)
    const { cancel, force } = flags
    const dryRun = flags['dry-run']
    const deadline = deadlineOf(flags.deadline)
    const agent = this.agent(flags)
    const request = { node: args.node, cancel, dryRun, force, deadline, reason: flags.reason ?? '' }
    const progress = await agent.drain(request)
    const { verdict } = progress
    if (verdict && !cancel) this.log(renderVerdict(verdict, this.paint))
    if (
      dryRun ||
      (verdict && !verdict.allowed && progress.state !== 'draining' && progress.state !== 'drained')
    ) {
      process.exitCode = verdict?.allowed === false ? 1 : 0
      return progress
    }
    if (cancel) this.log(cancelled(progress))
    if (cancel || !flags.wait) return progress
    const last = await followDrain(agent, progress, {
      paint: this.paint,
      silent: this.jsonEnabled(),
    })
    if (last.state !== 'drained') throw notDrained(last)
    return last
  }
}

function deadlineOf(text: string | undefined): number | null {
  if (text === undefined) return null
  const deadline = parseDuration(text)
  if (deadline === undefined || deadline === 0) {
    throw badInput(
      `--deadline: "${text}" is not a length of time`,
      'write it like 30s, 5m or 1h30m',
    )
  }
  return deadline
}

/** A node that is down cannot take anything. */
function cancelled({ node, state }: DrainProgress): string {
  if (state === 'ready') return `${printable(node)} takes work again`
  return `the drain is cancelled; ${printable(node)} is ${state}, and takes work again when it is ready`
}

function notDrained(last: DrainProgress): OperatorError {
  return new OperatorError(
    'REFUSED',
    `${last.node} is ${last.state} and not draining any more`,
    'look at: hive log',
  )
}
