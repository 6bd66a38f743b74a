import type { ServiceDefinition } from '../../base/service.ts'
import type { Millis } from '../../base/time.ts'
import { reason } from '../lend.ts'
import type { Host } from '../role.ts'
import type { Services } from './directory.ts'
import { formatFileProblems, isServiceFile, parseServiceFile } from './service-file.ts'

/** Files looked at below one folder; a host has a handful of services, not thousands of files. */
const maxFiles = 1024

interface ServiceFile {
  readonly text: string
  readonly parsed: ReturnType<typeof parseServiceFile>
}

/**
 * Keeps the directory's services in step with the files that define them. A file that is wrong
 * leaves its services as they were and turns the role red; one that is gone takes its services along, when it is
 * missed twice.
 */
export class ServiceFiles {
  readonly #services: Services
  /** Each file as it was last read. */
  #files = new Map<string, ServiceFile>()
  /**
   * Services that the last reading missed, and whose file they are of: one that is being written just now is shorter than
   * it will be, or is not there.
   */
  readonly #missed = new Map<string, string>()
  #paths: readonly string[] = []
  #troubles: readonly string[] = []
  #timer: { cancel(): void } | undefined

  constructor(services: Services) {
    this.#services = services
  }

  async read(paths: readonly string[], host: Host): Promise<void> {
    this.#paths = paths
    const troubles: string[] = []
    const files = new Map<string, ServiceFile>()
    for (const path of paths) {
      try {
        for (const [file, text] of await textsIn(path, host))
          files.set(file, this.#parsed(file, text))
      } catch (error) {
        troubles.push(`${path}: ${reason(error)}`)
        this.#keep(path, files)
      }
    }
    const definitions = new Map<string, readonly ServiceDefinition[]>()
    for (const [path, { parsed }] of files) {
      if ('problems' in parsed) troubles.push(formatFileProblems(path, parsed.problems))
      else definitions.set(path, parsed.value)
    }
    for (const path of [...this.#files.keys(), ...this.#missed.values()])
      if (!files.has(path)) definitions.set(path, [])
    for (const [path, services] of definitions) this.#withdraw(path, services)
    for (const [path, services] of definitions) troubles.push(...this.#take(path, services))
    this.#files = files
    this.#tell(troubles, host)
  }

  watch(period: Millis, host: Host): void {
    this.#timer?.cancel()
    this.#timer = host.every(period, () => this.read(this.#paths, host))
  }

  close(): void {
    this.#timer?.cancel()
    this.#files = new Map()
    this.#missed.clear()
    this.#troubles = []
  }

  /** Thousands of services take the better part of a second to parse, which gossip does not have: so once for each text. */
  #parsed(path: string, text: string): ServiceFile {
    const before = this.#files.get(path)
    return before?.text === text ? before : { text, parsed: parseServiceFile(path, text) }
  }

  /** What was read there before stays while it cannot be read. */
  #keep(path: string, files: Map<string, ServiceFile>): void {
    for (const [name, file] of this.#files) {
      if (name === path || name.startsWith(`${path}/`)) files.set(name, file)
    }
  }

  /** What of them cannot be; all others are in the directory now. */
  #take(path: string, services: readonly ServiceDefinition[]): string[] {
    const troubles: string[] = []
    for (const service of services) {
      // It moved here.
      if (this.#missed.delete(service.id)) this.#services.drop(service.id)
      const conflict = this.#services.conflict(service, { from: 'file', path })
      if (conflict !== undefined) troubles.push(`${path}: ${conflict}`)
      else this.#services.take(service, { from: 'file', path })
    }
    return troubles
  }

  /** What the file has no more, as soon as that is read twice. */
  #withdraw(path: string, but: readonly ServiceDefinition[]): void {
    const kept = new Set(but.map(service => service.id))
    for (const id of this.#services.fromFile(path)) {
      const missed = this.#missed.delete(id)
      if (kept.has(id)) continue
      if (missed) this.#services.drop(id)
      else this.#missed.set(id, path)
    }
  }

  #tell(troubles: readonly string[], host: Host): void {
    if (troubles.join() === this.#troubles.join()) return
    this.#troubles = troubles
    if (troubles.length === 0) host.health('running', '')
    else host.health('failed', troubles.join('; '))
  }
}

/** A file's text, or those of the service files in a folder. */
async function textsIn(path: string, host: Host): Promise<[string, string][]> {
  const names = await host.listFiles(path)
  if (names === undefined) {
    const text = await host.readFile(path)
    if (text === undefined) throw new Error('there is no such file or folder')
    return [[path, text]]
  }
  const out: [string, string][] = []
  for (const name of names.filter(isServiceFile).slice(0, maxFiles)) {
    const file = `${path}/${name}`
    const text = await host.readFile(file)
    if (text !== undefined) out.push([file, text])
  }
  return out
}
