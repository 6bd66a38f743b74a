import { formatProblem } from '../base/check.ts'
import {
  type ErrorCode,
  errorCodes,
  OperatorError,
  PeerError,
  type Problem,
} from '../base/errors.ts'
import type { Trace } from '../base/trace.ts'
import { Denied } from './denied.ts'
import type { ErrorBody } from './types.ts'

/** A request that is wrong, with everything that is wrong with it. */
export class BadRequest extends OperatorError {
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[], remedy = 'correct that and try again') {
    super('BAD_REQUEST', problems.map(formatProblem).join('; '), remedy)
    this.problems = problems
  }
}

export function badRequest(key: string, message: string): BadRequest {
  return new BadRequest([{ key, message }])
}

/** Whatever was thrown, as an answer. What is our own bug is traced with its stack and told without. */
export function failureOf(
  error: unknown,
  trace: Trace,
): { status: number; body: ErrorBody; headers: Readonly<Record<string, string>> } {
  const { code, message, remedy, problems } = diagnose(error)
  if (code === 'INTERNAL') trace.error({ err: error }, 'a request met a bug')
  return {
    status: errorCodes[code].http,
    body: { error: { code, message, remedy, ...(problems && { problems }) } },
    headers: error instanceof Denied ? error.headers : {},
  }
}

interface Diagnosis {
  readonly code: ErrorCode
  readonly message: string
  readonly remedy: string
  readonly problems?: readonly Problem[]
}

function diagnose(error: unknown): Diagnosis {
  if (error instanceof BadRequest) {
    return { ...pick(error), problems: error.problems }
  }
  if (error instanceof OperatorError) return pick(error)
  if (error instanceof PeerError) {
    return {
      code: 'TIMEOUT',
      message: error.message,
      remedy: 'try again; see hive status for who is away',
    }
  }
  const framework = frameworkFailure(error)
  if (framework !== undefined) return framework
  return {
    code: 'INTERNAL',
    message: `a bug in hive: ${error instanceof Error ? error.message : String(error)}`,
    remedy: "the agent's trace has the details; please report it",
  }
}

function pick({ code, message, remedy }: OperatorError): Diagnosis {
  return { code, message, remedy }
}

/** Fastify's own refusals (lib/errors.js), in hive's words. */
function frameworkFailure(error: unknown): Diagnosis | undefined {
  if (!(error instanceof Error)) return undefined
  const { code, statusCode } = error as Error & { code?: string; statusCode?: number }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return {
      code: 'TOO_LARGE',
      message: `the body is larger than ${bodyLimit} bytes`,
      remedy: 'send a smaller one',
    }
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return { code: 'BAD_REQUEST', message: error.message, remedy: 'correct the request' }
  }
  return undefined
}

/** Largest body of anything but a KV value, bytes: a registration with all its checks fits in a tenth. */
export const bodyLimit = 256 * 1024
