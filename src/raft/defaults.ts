import type { RaftConfig } from './types.ts'

export const defaults: Omit<RaftConfig, 'id'> = {
  heartbeat: 75,
  electionTimeout: 500,
  maxAppendBytes: 256 * 1024,
  maxInflight: 64,
  maxUncommittedBytes: 64 * 1024 * 1024,
}
