import { type Checked, formatProblem } from '../../base/check.ts'
import type { Problem } from '../../base/errors.ts'
import type { ServiceDefinition } from '../../base/service.ts'
import { lineOf, parseToml } from '../../base/toml.ts'
import { parseServices } from './config.ts'

/**
 * A file that defines services, as Consul has them: `service` (one, or a list) or `services`, in JSON,
 * or the same in TOML (`[[service]]`). Wrong anywhere: no service of the file counts.
 */
export function parseServiceFile(
  path: string,
  text: string,
): Checked<readonly ServiceDefinition[]> {
  const json = path.endsWith('.json')
  const document = json ? parseJson(text) : parseToml(text)
  if ('problems' in document) return document
  const { services, service, ...others } = document.value
  const unknown = Object.keys(others).map(key => ({
    key,
    message: 'unknown; a file holds service or services',
  }))
  const key = services === undefined ? 'service' : 'services'
  const list = services ?? service ?? []
  const items = Array.isArray(list) ? list : [list]
  const at = (i: number) => (Array.isArray(list) ? `${key}[${i}]` : key)
  const parsed = parseServices(items, at)
  const problems: Problem[] = [...unknown, ...('problems' in parsed ? parsed.problems : [])]
  if (services !== undefined && service !== undefined) {
    problems.push({ key: 'service', message: 'give service or services, not both' })
  }
  if (problems.length === 0) return parsed
  return { problems: json ? problems : problems.map(problem => withLine(problem, text)) }
}

/** Files in a folder that are meant: the rest (editors' copies, READMEs) is left alone. */
export function isServiceFile(name: string): boolean {
  return /^[^.].*\.(toml|json)$/.test(name)
}

export function formatFileProblems(path: string, problems: readonly Problem[]): string {
  return `${path}: ${problems.map(formatProblem).join('; ')}`
}

function withLine(problem: Problem, text: string): Problem {
  const line = lineOf(text, problem.key)
  return line === undefined ? problem : { ...problem, line }
}

function parseJson(text: string): Checked<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return { value: value as Record<string, unknown> }
    }
    return { problems: [{ key: '', message: 'must be an object' }] }
  } catch (error) {
    return { problems: [{ key: '', message: `is not JSON: ${(error as Error).message}` }] }
  }
}
