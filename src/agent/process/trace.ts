import { isatty } from 'node:tty'
import pino, { type DestinationStream } from 'pino'
import type { Trace } from '../../base/trace.ts'
import type { AgentConfig } from './config.ts'

/**
 * Diagnostics of the process: one JSON object a line on stderr, or lines for people where stderr is a
 * terminal. Stdout stays free for what a command says.
 */
export interface ProcessTrace extends Trace {
  /** The same trace with fields on every line, e.g. `{room: 'api'}`. */
  child(fields: object): ProcessTrace
  /** Everything said so far is written on return: before the process ends. */
  flush(): void
}

export interface TraceOptions {
  /** Fields of every line, e.g. `{node: 'n1'}`. */
  readonly base?: object
  /** Where lines go; default stderr, pretty on a terminal. */
  readonly destination?: DestinationStream
  /** Instead of stderr. */
  readonly fd?: number
}

/** Fields that may hold secrets, wherever one might be traced. */
const redacted = [
  'secret',
  'token',
  'password',
  '*.secret',
  '*.token',
  '*.password',
  'authorization',
  '*.authorization',
]

export async function createTrace(
  level: AgentConfig['logLevel'],
  options: TraceOptions = {},
): Promise<ProcessTrace> {
  const destination = options.destination ?? (await standardError(options.fd ?? 2))
  const logger = pino(
    {
      level,
      base: options.base ?? null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      redact: redacted,
    },
    destination,
  )
  return wrap(logger, destination)
}

function wrap(logger: pino.Logger, destination: DestinationStream): ProcessTrace {
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    debugging: logger.isLevelEnabled('debug'),
    child: fields => wrap(logger.child(fields), destination),
    flush() {
      const sink = destination as { flushSync?: () => void }
      sink.flushSync?.()
    },
  }
}

/** Lines that a full disk does not take wait in memory, up to so many bytes; what is more is lost. */
const maxWaiting = 256 * 1024

async function standardError(fd: number): Promise<DestinationStream> {
  if (!isatty(fd)) {
    // Synchronous writes: an agent says little, and its last words before a crash matter most.
    const destination = pino.destination({ dest: fd, sync: true, maxLength: maxWaiting })
    // Where it writes may be a file on a disk that is full: no reason to end.
    destination.on('error', () => {})
    return destination
  }
  // Loaded only where somebody looks; it costs memory and start-up time.
  const { default: pretty } = await import('pino-pretty')
  return pretty({ colorize: true, destination: fd, sync: true, translateTime: 'HH:MM:ss.l' })
}
