import type { ServiceDefinition } from '../../base/service.ts'
import type { Host, Role, RoleKnown, RoleStep } from '../role.ts'
import { type HostConfig, parseHostConfig } from './config.ts'
import { type Identity, memoryPrefix, type ServiceDirectory, Services } from './directory.ts'
import { ServiceFiles } from './files.ts'
import type { Origin } from './service.ts'

/** What the host role does, one thing at a time. */
export type HostStep = RoleStep &
  (
    | { readonly kind: 'open' }
    | { readonly kind: 'read-files'; readonly paths: readonly string[] }
    | { readonly kind: 'take'; readonly service: ServiceDefinition; readonly origin: Origin }
    | { readonly kind: 'watch-files'; readonly period: number }
    | { readonly kind: 'maintenance'; readonly on: boolean }
    | { readonly kind: 'close' }
  )

export interface HostRole extends Role<HostConfig, HostStep> {
  readonly directory: ServiceDirectory
}

/** What can be known of it without running it. */
export const hostFacts = {
  name: 'host',
  description: 'Registers the services of this node and checks their health',
  kind: 'producer',
  provides: ['host'],
  requires: [],
  needsForBootstrap: [],
  parse(raw: unknown) {
    const checked = parseHostConfig(raw)
    return 'problems' in checked ? checked : { config: checked.value }
  },
} as const

/** The role that every node with services has: it registers them and minds their health. */
export function hostRole(identity: Identity): HostRole {
  const services = new Services(identity)
  const files = new ServiceFiles(services)
  return {
    ...hostFacts,
    directory: services,
    plan: planHost,
    apply: (step, host) => applyStep(step, host, services, files),
  }
}

/** Files first, then what came through the API: a file's word goes before. */
export function planHost(known: RoleKnown, config: HostConfig): readonly HostStep[] {
  switch (known.goal) {
    case 'run':
      return [
        { kind: 'maintenance', on: false, what: 'show services as their checks find them' },
        ...holdServices(known, config),
      ]
    case 'drain':
      // An agent that starts on a drained node has yet to learn its services.
      return [
        { kind: 'maintenance', on: true, what: 'show all services as critical' },
        ...holdServices(known, config),
      ]
    case 'stop':
      return [{ kind: 'close', what: 'withdraw all services and forget those of the API' }]
    default:
      return known.goal satisfies never
  }
}

function holdServices(known: RoleKnown, config: HostConfig): HostStep[] {
  return [
    { kind: 'open', what: 'accept registrations' },
    ...config.services.map(takeUp('the configuration', { from: 'config' })),
    ...readFiles(config),
    ...remembered(known).map(takeUp('the API', { from: 'api' })),
  ]
}

function readFiles({ files, reload }: HostConfig): HostStep[] {
  if (files.length === 0) return []
  const read = {
    kind: 'read-files',
    paths: files,
    what: `read services in ${files.join(', ')}`,
  } as const
  if (reload === 0) return [read]
  const what = `read them again every ${reload / 1000} s`
  return [read, { kind: 'watch-files', period: reload, what }]
}

function takeUp(where: string, origin: Origin): (service: ServiceDefinition) => HostStep {
  return service => ({
    kind: 'take',
    service,
    origin,
    what: `take up service ${service.id} of ${where}`,
  })
}

function remembered({ memory }: RoleKnown): ServiceDefinition[] {
  return Object.keys(memory)
    .filter(key => key.startsWith(memoryPrefix))
    .sort()
    .map(key => memory[key])
    .filter(isDefinition)
}

/** It was checked when it was registered; this only guards against a memory that somebody edited. */
function isDefinition(value: unknown): value is ServiceDefinition {
  const one = value as Partial<ServiceDefinition> | null | undefined
  return typeof one?.id === 'string' && typeof one.name === 'string' && Array.isArray(one.checks)
}

async function applyStep(
  step: HostStep,
  host: Host,
  services: Services,
  files: ServiceFiles,
): Promise<void> {
  switch (step.kind) {
    case 'open':
      return services.open(host)
    case 'maintenance':
      return services.drain(step.on)
    case 'take':
      return services.take(step.service, step.origin)
    case 'read-files':
      return files.read(step.paths, host)
    case 'watch-files':
      return files.watch(step.period, host)
    case 'close':
      files.close()
      return services.close()
    default:
      step satisfies never
  }
}
