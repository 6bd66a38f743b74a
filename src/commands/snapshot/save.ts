import { Args, Flags } from '@oclif/core'
import { AgentCommand, badInput } from '../../client/command.ts'
import { NewFile } from '../../client/new-file.ts'
import { printable } from '../../client/paint.ts'
import { fetchSnapshot } from '../../client/snapshot-client.ts'
import { Progress, sizeText } from '../../client/transfer.ts'

interface Saved {
  readonly file: string
  readonly cluster: string
  readonly index: number
  readonly bytes: number
}

export default class SnapshotSave extends AgentCommand {
  static override summary = 'Save all that the cluster has agreed on, as it is now, to a file.'
  static override description =
    'A consistent copy at one index of the log, with its checksum, asked of the leader through whichever agent is there. The file is whole or ' +
    'it is not there; only you may read it. What is secret in it is sealed, but for the keys and values.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> prod.snapshot',
    {
      description: 'To another machine:',
      command: '<%= config.bin %> <%= command.id %> - | ssh backup "cat > prod.snapshot"',
    },
  ]
  static override args = {
    file: Args.string({ description: 'Where to; - is standard output.', required: true }),
  }
  static override flags = {
    force: Flags.boolean({ description: 'Replace the file if it exists.' }),
    stale: Flags.boolean({
      description: 'Also without a quorum: what the control node that answers knows.',
    }),
  }

  override async run(): Promise<Saved | undefined> {
    const { args, flags } = await this.parse(SnapshotSave)
    const agent = this.agent(flags)
    const { file } = args
    // An answer that broke off must not pass for a snapshot.
    const { SnapshotReader } = await import('../../snapshot/inspect.ts')
    const reader = new SnapshotReader()
    if (file === '-') {
      if (this.jsonEnabled()) throw badInput('--json and - do not go together', 'name a file')
      if (process.stdout.isTTY)
        throw badInput('a snapshot is nothing for a terminal', 'name a file, or pipe it on')
      await fetchSnapshot(agent, flags.stale ?? false, piece => {
        reader.add(piece)
        return writeOut(piece)
      })
      reader.end()
      return undefined
    }
    const target = new NewFile(file, flags.force ?? false)
    const progress = new Progress(`saving ${file}`)
    let bytes = 0
    try {
      const head = await fetchSnapshot(agent, flags.stale ?? false, (piece, { size }) => {
        reader.add(piece)
        target.write(piece)
        bytes += piece.length
        progress.show(bytes, size)
      })
      reader.end()
      target.finish()
      progress.end()
      this.log(
        `${this.paint('saved', 'good')} ${printable(head.cluster)} at index ${head.index} to ${file}   ${sizeText(bytes)}`,
      )
      return { file, cluster: head.cluster, index: head.index, bytes }
    } catch (error) {
      progress.end()
      target.drop()
      throw error
    }
  }
}

function writeOut(bytes: Uint8Array): Promise<void> | void {
  if (process.stdout.write(bytes)) return
  return new Promise(resolve => process.stdout.once('drain', () => resolve()))
}
