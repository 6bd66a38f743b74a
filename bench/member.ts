import { end, kill, type Started } from './processes.ts'

/** One process of a cluster, hive's or a peer's, that can be killed and started again with its data. */
export class Member {
  /** Base of its HTTP API. */
  readonly url: string
  readonly #launch: () => Started
  #process: Started | undefined

  constructor(url: string, launch: () => Started) {
    this.url = url
    this.#launch = launch
    this.#process = launch()
  }

  get pid(): number {
    return this.#process!.pid
  }

  get alive(): boolean {
    return this.#process !== undefined
  }

  /** kill -9; resolves when the process is gone. */
  async kill(): Promise<void> {
    const dying = this.#process!
    this.#process = undefined
    await kill(dying)
  }

  restart(): void {
    this.#process = this.#launch()
  }

  async end(): Promise<void> {
    if (this.#process) await end(this.#process)
    this.#process = undefined
  }
}

/** Three members that agree on writes. */
export interface Cluster {
  readonly name: string
  readonly members: readonly Member[]
  leader(): Promise<Member>
  /** Resolves once all members serve and know of each other. */
  whole(): Promise<void>
  stop(): Promise<void>
}
