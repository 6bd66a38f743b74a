/** Diagnostics, which are never called a log here: structured fields first, then a sentence. */
export interface Trace {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** True: `debug` goes somewhere, so that costly fields are worth gathering. */
  readonly debugging?: boolean
}

/** For tests, and for rooms that nobody listens to. */
export const silentTrace: Trace = {
  debug() {},
  info() {},
  warn() {},
  error() {},
}
