import { defineConfig } from 'vitest/config'
import { mutantNamed, mutated, root } from './patch.ts'

/** The fast suites with one deliberate bug in src: HIVE_MUTANT says which. */
const mutant = mutantNamed(process.env.HIVE_MUTANT ?? '')

export default defineConfig({
  root,
  plugins: [
    {
      name: 'mutant',
      enforce: 'pre',
      transform: (code, id) => (id === root + mutant.file ? mutated(mutant, code) : undefined),
    },
  ],
  test: {
    // What is kept from one run to the next knows nothing of bugs.
    fsModuleCache: false,
    include: ['test/**/*.test.ts'],
    exclude: ['test/cluster/**', 'node_modules/**'],
    testTimeout: 60_000,
    bail: 1,
  },
})
