import * as z from 'zod/mini'
import { type Checked, check } from '../../base/check.ts'
import { parseDuration } from '../../base/duration.ts'
import type { Problem } from '../../base/errors.ts'
import { type ServiceDefinition, serviceLimits } from '../../base/service.ts'
import { parseService } from '../../base/service-shape.ts'
import type { Millis } from '../../base/time.ts'

/** `[role.host]` of the configuration, read. */
export interface HostConfig {
  /** Files, or folders of files, that define services: TOML or JSON. */
  readonly files: readonly string[]
  /** How often they are read again; 0: only at the start. Default 10 s. */
  readonly reload: Millis
  /** Services defined in the configuration itself. */
  readonly services: readonly ServiceDefinition[]
}

const period = z
  .string()
  .check(z.refine(text => parseDuration(text) !== undefined, 'must be a duration such as 10s'))

const shape = z.strictObject({
  files: z._default(z.array(z.string().check(z.minLength(1))).check(z.maxLength(64)), []),
  reload: z._default(period, '10s'),
  service: z._default(z.array(z.unknown()).check(z.maxLength(serviceLimits.services)), []),
})

export function parseHostConfig(raw: unknown): Checked<HostConfig> {
  const shaped = check(shape, raw ?? {})
  if ('problems' in shaped) return shaped
  const { files, reload, service } = shaped.value
  const parsed = parseServices(service, i => `service[${i}]`)
  if ('problems' in parsed) return parsed
  const millis = parseDuration(reload)!
  if (millis > 0 && millis < 1000) {
    return { problems: [{ key: 'reload', message: 'must be 0 or at least 1s' }] }
  }
  return { value: { files, reload: millis, services: parsed.value } }
}

/** Definitions that belong together: every one right, and no id twice. `at` names the nth. */
export function parseServices(
  raw: readonly unknown[],
  at: (index: number) => string,
): Checked<readonly ServiceDefinition[]> {
  const parsed = raw.map((one, i) => parseService(one, at(i)))
  const problems: Problem[] = []
  const services: ServiceDefinition[] = []
  const seen = new Set<string>()
  for (const [i, one] of parsed.entries()) {
    if ('problems' in one) {
      problems.push(...one.problems)
      continue
    }
    const { id } = one.value
    if (seen.has(id))
      problems.push({ key: at(i), message: `the service id "${id}" is given twice` })
    seen.add(id)
    services.push(one.value)
  }
  return problems.length > 0 ? { problems } : { value: services }
}
