import { parseAddress } from '../../base/address.ts'
import type { CheckDefinition, CheckStatus } from '../../base/service.ts'
import { reason } from '../lend.ts'
import type { Host } from '../role.ts'

export interface ProbeResult {
  readonly status: CheckStatus
  readonly output: string
}

type ActiveCheck = Exclude<CheckDefinition, { kind: 'ttl' }>

/** Looks once whether something answers. Never rejects: no answer is a result. */
export async function probe(check: ActiveCheck, host: Host): Promise<ProbeResult> {
  try {
    return check.kind === 'tcp' ? await probeTcp(check, host) : await probeHttp(check, host)
  } catch (error) {
    return { status: 'critical', output: reason(error) }
  }
}

async function probeTcp(check: ActiveCheck & { kind: 'tcp' }, host: Host): Promise<ProbeResult> {
  const target = parseAddress(check.target, 0)
  if ('message' in target) return { status: 'critical', output: target.message }
  await host.connectTcp(target.host, target.port, check.timeout)
  return { status: 'passing', output: `TCP connect ${check.target}: success` }
}

/** 2xx passes, 429 warns, all else is critical, as in Consul. */
async function probeHttp(check: ActiveCheck & { kind: 'http' }, host: Host): Promise<ProbeResult> {
  const { status, body } = await host.requestHttp(check.url, check.method, check.timeout)
  const passing = status >= 200 && status < 300
  return {
    status: passing ? 'passing' : status === 429 ? 'warning' : 'critical',
    output: `HTTP ${check.method} ${check.url}: ${status}${body === '' ? '' : ` ${body}`}`,
  }
}
