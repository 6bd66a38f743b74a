import { defineConfig } from 'vitest/config'

// Real processes on loopback, one file after the other, so that they don't take the processor from each other.
export default defineConfig({
  test: {
    include: ['test/cluster/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
