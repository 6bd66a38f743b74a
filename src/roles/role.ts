import type { ErrorCode, Problem } from '../base/errors.ts'
import type { EpochMillis, Instant, Millis } from '../base/time.ts'

/**
 * Something a node can be for the cluster. A role has no hands: `plan` is pure and says what should be
 * done, `apply` does one step through the Host that the agent lends. A role that throws is isolated
 * and shown red; it never takes the agent down.
 */
export interface Role<Config = unknown, Step extends RoleStep = RoleStep> {
  readonly name: string
  readonly description: string
  readonly kind: 'producer' | 'processor'
  /** What other roles may `require`. */
  readonly provides: readonly string[]
  /** Roles that must exist in the cluster before this one is assigned. */
  readonly requires: readonly string[]
  /** Roles whose nodes it wants named in its digest. */
  readonly needsForBootstrap: readonly string[]
  /** Undefined: defaults. */
  parse(raw: unknown): { readonly config: Config } | { readonly problems: readonly Problem[] }
  /** Steps from what is to what should be; empty: nothing to do. */
  plan(known: RoleKnown, config: Config): readonly Step[]
  apply(step: Step, host: Host): Promise<void>
  /**
   * May this node speak to us? Asked while the role runs here, in the handshake, after hive's own rules, at each link, whoever
   * dialled; so it answers at once and changes nothing. A role that throws is not asked: that closes no link.
   */
  validate?(peer: Newcomer): Welcome
}

/** A node at the door, as it says of itself. */
export interface Newcomer {
  readonly id: string
  readonly name: string
  /** HOST:PORT where it can be reached; where it dials from is for hive to judge. */
  readonly address: string
  readonly dc: string
  /** Product version. */
  readonly version: string
  readonly roles: readonly string[]
  /** Tag of its cluster; null: an empty node. */
  readonly tag: string | null
}

/** `busy`: not now, it may come again. `reject`: no; `reason` is shown on both sides. */
export type Welcome =
  | { readonly answer: 'accept' }
  | { readonly answer: 'busy'; readonly reason: string }
  | { readonly answer: 'reject'; readonly code: ErrorCode; readonly reason: string }

export interface RoleStep {
  /** For the terminal and the trace: what this step does, in a few words. */
  readonly what: string
}

/** What the agent tells a role when it asks for a plan. */
export interface RoleKnown {
  /** `run`: be up. `drain`: hand work off, keep what others still need. `stop`: undo everything. */
  readonly goal: 'run' | 'drain' | 'stop'
  readonly self: {
    readonly id: string
    readonly name: string
    readonly address: string
    readonly dc: string
  }
  /** Nodes of the roles in `needsForBootstrap`. */
  readonly peers: readonly {
    readonly role: string
    readonly id: string
    readonly name: string
    readonly address: string
  }[]
  /** What this role wrote with `Host.remember`, from this boot or an earlier one. */
  readonly memory: Readonly<Record<string, unknown>>
}

/** The hands that the agent lends. Tests lend fake ones. */
export interface Host {
  now(): Instant
  /** The machine's wall clock; may jump. For what must mean something after a restart. */
  wall(): EpochMillis
  /** Repeats until `cancel`, the first time after one period; never overlaps itself. */
  every(period: Millis, task: () => Promise<void>): { cancel(): void }
  /** Keeps plain JSON over restarts; undefined removes. Wait for it where it must be durable. */
  remember(key: string, value: unknown): void | Promise<void>
  recall(key: string): unknown
  /** Undefined: there is no such file. Rejects with the reason when it cannot be read. */
  readFile(path: string): Promise<string | undefined>
  /** Names in a folder, sorted; undefined: it is no folder. */
  listFiles(path: string): Promise<readonly string[] | undefined>
  /** Resolves if a TCP connection opens; rejects with the reason. */
  connectTcp(host: string, port: number, timeout: Millis): Promise<void>
  /** Status code and at most 4 KiB of the body. */
  requestHttp(
    url: string,
    method: string,
    timeout: Millis,
  ): Promise<{ status: number; body: string }>
  /** Red or green, as `hive status` shows it. */
  health(state: 'running' | 'failed', detail: string): void
  trace(text: string): void
}
