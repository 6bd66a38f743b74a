import { defineConfig } from 'vitest/config'

// The fast suites only: real processes live in test/cluster, test/soak and test/browser and are run by scripts of their own.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    exclude: ['test/cluster/**', 'test/soak/**', 'test/browser/**', 'node_modules/**'],
    testTimeout: 30_000,
  },
})
