/** Every bound of the agreed state. They are part of its rules: all nodes must use the same ones. */
export const stateLimits = {
  /** Consul's limit is 512 bytes too; keys live in memory on every control node. */
  kvKeyBytes: 512,
  /** One entry must fit a frame and a disk write without stalling heartbeats. */
  kvValueBytes: 512 * 1024,
  /** Deleted keys whose own index is remembered; beyond, the older half is folded into one floor. */
  graves: 8192,
  /** Tokens kept, dead ones included: more than people keep an eye on. Dead ones make room first. */
  tokens: 1024,
  /** A token is kept so long, ms, after it expired or was revoked. */
  deadTokens: 7 * 24 * 3_600_000,
  /** Nodes that wait for an operator or were refused by one; those refused first make room. */
  joinRequests: 256,
  /** Administrative events kept for `hive log`; the raft log holds less than this far back. */
  history: 10_000,
  /** Agents (`node id/incarnation`) whose answers are remembered, least recently used dropped. */
  clients: 20_000,
  /** Answers remembered of one client that never says which it has received. */
  outcomes: 4096,
} as const
