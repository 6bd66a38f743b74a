import { defineConfig } from 'vitest/config'

// Attackers that take a core of their own, against real processes: minutes, and nothing else beside them.
export default defineConfig({
  test: {
    include: ['test/attack/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 120_000,
  },
})
