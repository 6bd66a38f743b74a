import { homedir } from 'node:os'
import { Command, Flags } from '@oclif/core'
import { OperatorError } from '../base/errors.ts'
import { AgentClient } from './agent-client.ts'
import { type Asked, doorsOf } from './door.ts'
import { errorJson, exitCodeOf } from './failure.ts'
import { type Painter, painterFor } from './paint.ts'

/** What every command has: one way to print, to fail and to be read by programs. */
export abstract class HiveCommand extends Command {
  static override enableJsonFlag = true

  protected paint: Painter = painterFor(process.stdout)

  /** One JSON document, in the plain form that programs and people both read. */
  override logJson(json: unknown): void {
    process.stdout.write(`${JSON.stringify(json, null, 2)}\n`)
  }

  protected override async catch(error: Error): Promise<void> {
    if (!this.jsonEnabled()) throw error
    process.exitCode = exitCodeOf(error)
    this.logJson(errorJson(error))
  }
}

/** A command that talks to an agent. */
export abstract class AgentCommand extends HiveCommand {
  static override baseFlags = {
    socket: Flags.string({
      description: "The agent's socket (HIVE_SOCKET); default: DATA_DIR/agent.sock.",
      helpGroup: 'AGENT',
      helpValue: 'PATH',
      exclusive: ['address'],
    }),
    address: Flags.string({
      description: "The agent's HTTP address instead of its socket (HIVE_HTTP_ADDR).",
      helpGroup: 'AGENT',
      helpValue: '[https://]HOST:PORT',
    }),
    'api-token-file': Flags.string({
      description: 'With --address: file with a token of the API (HIVE_API_TOKEN_FILE).',
      helpGroup: 'AGENT',
      helpValue: 'FILE',
    }),
    'ca-file': Flags.string({
      description: 'With --address: the authority to believe, PEM (HIVE_CA_FILE).',
      helpGroup: 'AGENT',
      helpValue: 'FILE',
    }),
  }

  protected agent(flags: Asked): AgentClient {
    return new AgentClient(doorsOf(flags, { env: process.env, cwd: process.cwd(), home: home() }))
  }
}

function home(): string | undefined {
  try {
    return homedir()
  } catch {
    return undefined
  }
}

/** For input that no flag type can check. */
export function badInput(message: string, remedy: string): OperatorError {
  return new OperatorError('BAD_REQUEST', message, remedy)
}
