import { defineConfig } from 'vitest/config'

// The fast suites only: real processes live in test/cluster, test/soak, test/attack and test/browser and are run by scripts of their own.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    exclude: [
      'test/cluster/**',
      'test/soak/**',
      'test/attack/**',
      'test/browser/**',
      'node_modules/**',
    ],
    testTimeout: 30_000,
    // All cores: left to itself the runner keeps one for those who watch, half of a small machine.
    maxWorkers: '100%',
  },
})
