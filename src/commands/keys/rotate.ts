import { setTimeout as sleep } from 'node:timers/promises'
import { Flags } from '@oclif/core'
import type { KeysReport } from '../../api/trust-types.ts'
import { AgentCommand } from '../../client/command.ts'
import { printable } from '../../client/paint.ts'
import { Progress } from '../../client/progress.ts'
import { isSettled, renderKeys } from '../../dashboard/trust.ts'

/** Between two looks at how far it is, ms. */
const pace = 500
/** By then it is done unless a node holds it up; it goes on without anybody waiting, ms. */
const patience = 60_000

export default class KeysRotate extends AgentCommand {
  static override summary = 'Give gossip a new key.'
  static override description =
    'The new key goes to every node, then every node uses it, then the old one is dropped. No packet is lost, and whoever leads finishes it, whatever happens to this command or to the leader. ' +
    'A node that is away gets the key when it is back.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --no-wait',
  ]
  static override flags = {
    wait: Flags.boolean({
      description: 'Wait until the old key is gone.',
      default: true,
      allowNo: true,
    }),
  }

  override async run(): Promise<KeysReport> {
    const { flags } = await this.parse(KeysRotate)
    const agent = this.agent(flags)
    let report = await agent.rotateKeys()
    const deadline = performance.now() + patience
    const progress = new Progress(process.stderr)
    while (flags.wait && !isSettled(report) && performance.now() < deadline) {
      progress.say(`${waiting(report)} …; Ctrl-C stops watching, not the rotation`)
      await sleep(pace)
      report = await agent.keys()
    }
    progress.end()
    this.log(renderKeys(report, this.paint))
    if (flags.wait && !isSettled(report)) this.log('it goes on by itself; see: hive keys show')
    return report
  }
}

function waiting({ waitsFor }: KeysReport): string {
  return waitsFor.length > 0
    ? `waiting for ${waitsFor.map(printable).join(', ')}`
    : 'the old key goes in a moment'
}
