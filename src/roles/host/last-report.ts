import type { CheckDefinition, CheckStatus } from '../../base/service.ts'
import type { EpochMillis, Millis } from '../../base/time.ts'
import type { Host } from '../role.ts'

/**
 * The last report of a TTL check, kept over restarts of the agent, so that a job which reports once a
 * day is not critical until the next night. Short TTLs are reported again soon and not worth a write.
 */
export interface LastReport {
  readonly status: CheckStatus
  readonly output: string
  /** Counts until then. */
  readonly until: EpochMillis
}

const worthKeeping: Millis = 60_000
const prefix = 'ttl:'

type TtlCheck = CheckDefinition & { readonly kind: 'ttl' }

export function keepReport(check: TtlCheck, status: CheckStatus, output: string, host: Host): void {
  if (check.ttl < worthKeeping) return
  const report: LastReport = { status, output, until: host.wall() + check.ttl }
  keep(prefix + check.id, report, host)
}

export function forgetReport(check: TtlCheck, host: Host): void {
  if (host.recall(prefix + check.id) !== undefined) keep(prefix + check.id, undefined, host)
}

/** Undefined: nothing that still counts. */
export function recallReport(check: TtlCheck, host: Host): LastReport | undefined {
  const value = host.recall(prefix + check.id) as Partial<LastReport> | null | undefined
  if (typeof value?.until !== 'number' || typeof value.output !== 'string') return undefined
  const { status } = value
  if (status !== 'passing' && status !== 'warning' && status !== 'critical') return undefined
  // A clock that jumped back must not lengthen what the check promised.
  const left = value.until - host.wall()
  return left > 0 && left <= check.ttl ? (value as LastReport) : undefined
}

/** A report that is lost costs a moment of critical after a restart; nobody waits for the disk. */
function keep(key: string, value: LastReport | undefined, host: Host): void {
  Promise.resolve(host.remember(key, value)).catch((error: Error) => {
    host.trace(`cannot remember ${key}: ${error.message}`)
  })
}
