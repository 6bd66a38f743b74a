/**
 * Whose move is it? An OperatorError is the operator's: it says what happened and what to do.
 * A PeerError is nobody's fault on this node: retried, never fatal. A failed `assert` is our bug:
 * in raft, swim or state it stops the agent, because wrong state must not spread.
 */
export class OperatorError extends Error {
  readonly code: ErrorCode
  /** What the operator can do next, in one line. */
  readonly remedy: string

  constructor(code: ErrorCode, message: string, remedy = '') {
    super(message)
    this.name = 'OperatorError'
    this.code = code
    this.remedy = remedy
  }
}

export class PeerError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'PeerError'
  }
}

export class AssertionError extends Error {
  constructor(message: string) {
    super(`broken invariant: ${message}`)
    this.name = 'AssertionError'
  }
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

/** Every code that a user can meet, with its HTTP status and the exit code of the CLI. */
export const errorCodes = {
  BAD_REQUEST: { http: 400, exit: 2, means: 'the request or the arguments are malformed' },
  METHOD_NOT_ALLOWED: { http: 405, exit: 2, means: 'that path knows no such method' },
  BAD_CONFIG: { http: 400, exit: 2, means: 'the configuration has problems; all are listed' },
  NOT_FOUND: { http: 404, exit: 1, means: 'no such node, role, service or key' },
  UNKNOWN_NODE: { http: 404, exit: 1, means: 'no node of that name or id is in the cluster' },
  UNKNOWN_ROLE: { http: 404, exit: 1, means: 'no role of that name is known to this build' },
  TOO_LARGE: { http: 413, exit: 1, means: 'a value, key or body is over its limit' },
  CAS_FAILED: { http: 409, exit: 1, means: 'the key changed since the index that was given' },
  NOT_INITIALISED: { http: 409, exit: 2, means: 'the cluster is a zombie: it has had no init' },
  ALREADY_INITIALISED: { http: 409, exit: 1, means: 'the cluster has had a different init' },
  INIT_FAILED: { http: 409, exit: 1, means: 'init was cancelled; everybody is a zombie again' },
  BUSY: { http: 503, exit: 1, means: 'that node is in the middle of an init or a join' },
  NO_QUORUM: { http: 503, exit: 2, means: 'no quorum of control nodes answers' },
  NOT_LEADER: { http: 503, exit: 2, means: 'leadership moved while the request was under way' },
  TIMEOUT: { http: 504, exit: 1, means: 'no answer in time; the outcome may be unknown' },
  WOULD_BREAK_QUORUM: { http: 409, exit: 1, means: 'the change would leave too few voters' },
  REFUSED: {
    http: 409,
    exit: 1,
    means: 'the verdict forbids it; --force where that is meaningful',
  },
  NAME_TAKEN: { http: 409, exit: 1, means: 'another node of the cluster has that name' },
  MISSING_ROLE: { http: 409, exit: 1, means: 'a role that is required runs nowhere' },
  VERSION_MISMATCH: { http: 409, exit: 1, means: 'no protocol version in common' },
  TAG_MISMATCH: { http: 409, exit: 1, means: 'the node belongs to another cluster' },
  EPOCH_MISMATCH: { http: 409, exit: 1, means: 'the node comes from another epoch' },
  DIVERGED: { http: 409, exit: 1, means: 'the node knows a future that the cluster does not' },
  CLOCK_SKEW: { http: 409, exit: 1, means: 'the clocks of the two nodes are too far apart' },
  IDENTITY_MISMATCH: {
    http: 409,
    exit: 1,
    means: 'the node proves another identity than it claims',
  },
  DUPLICATE_NODE: {
    http: 409,
    exit: 1,
    means: 'another process runs as that node: a copy of its data directory',
  },
  UNAUTHENTICATED: {
    http: 401,
    exit: 2,
    means: 'the API needs a token, and none that counts came',
  },
  UNTRUSTED: {
    http: 403,
    exit: 1,
    means: 'no secret, token or certificate that the other end believes',
  },
  TOKEN_WRONG: { http: 403, exit: 1, means: 'the cluster knows no such token' },
  TOKEN_EXPIRED: { http: 403, exit: 1, means: 'the time of the token is over' },
  TOKEN_SPENT: { http: 403, exit: 1, means: 'the token let in as many nodes as it was made for' },
  TOKEN_REVOKED: { http: 403, exit: 1, means: 'an operator revoked the token' },
  TOKEN_FOREIGN: { http: 403, exit: 1, means: 'the token is of another cluster' },
  NAME_REFUSED: { http: 403, exit: 1, means: 'the token is for nodes of other names' },
  RATE_LIMITED: { http: 429, exit: 1, means: 'too many failed attempts; wait before the next' },
  AWAITS_APPROVAL: { http: 409, exit: 1, means: 'the node waits until an operator admits it' },
  JOIN_REFUSED: { http: 403, exit: 1, means: 'an operator refused the node' },
  REMOVED: { http: 403, exit: 1, means: 'the node was removed from the cluster' },
  INSECURE: {
    http: 400,
    exit: 2,
    means: 'outside loopback a secret, token or certificate is needed',
  },
  NO_AGENT: { http: 503, exit: 2, means: 'no agent answers at the socket' },
  PERMISSION: { http: 403, exit: 2, means: 'the operating system or a policy forbids it' },
  PORT_IN_USE: { http: 500, exit: 2, means: 'another process has the address' },
  DATA_DIR: { http: 500, exit: 2, means: 'the data directory cannot be used' },
  DATA_DIR_LOCKED: { http: 500, exit: 2, means: 'another agent runs on the data directory' },
  SCHEMA: { http: 500, exit: 2, means: 'a database is damaged or of a newer schema' },
  STORAGE: { http: 503, exit: 2, means: 'the disk failed or is full; the node lost its vote' },
  BAD_SNAPSHOT: {
    http: 400,
    exit: 1,
    means: 'no snapshot of hive, or a damaged one, or one without its end',
  },
  NODE_VERSION: { http: 500, exit: 2, means: 'this Node.js is too old for hive' },
  INTERNAL: { http: 500, exit: 70, means: 'a bug in hive' },
} as const

export type ErrorCode = keyof typeof errorCodes

/** One thing wrong with something an operator wrote. */
export interface Problem {
  /** Where: a key such as `roles[1]`, or a flag. */
  readonly key: string
  readonly message: string
  /** Line in the file, from 1, where known. */
  readonly line?: number
}
