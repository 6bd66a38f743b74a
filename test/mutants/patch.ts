import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { type Mutant, mutants } from './mutants.ts'

/**
 * `node --import ./test/mutants/patch.ts …` with HIVE_MUTANT: one file of src is read with that bug in it. Nothing on
 * disk changes. With HIVE_SOUND nothing is put in: whether a seed complains of the bug, or would have anyway.
 */
export const root = fileURLToPath(new URL('../../', import.meta.url))

/** The text with the bug; throws when what it replaces is not there exactly once. */
export function mutated({ name, file, find, replace }: Mutant, source: string): string {
  const count = source.split(find).length - 1
  if (count !== 1) throw new Error(`mutant «${name}»: its text is ${count} times in ${file}`)
  return source.replace(find, () => replace)
}

export function mutantNamed(name: string): Mutant {
  const mutant = mutants.find(m => m.name === name)
  if (mutant === undefined) throw new Error(`no mutant «${name}»`)
  return mutant
}

const wanted = process.env.HIVE_MUTANT
const sound = process.env.HIVE_SOUND !== undefined || process.env.VITEST !== undefined
if (wanted !== undefined && wanted !== '' && !sound) {
  const mutant = mutantNamed(wanted)
  const path = root + mutant.file
  mutated(mutant, readFileSync(path, 'utf8'))
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (!url.startsWith('file:') || fileURLToPath(url) !== path) return loaded
      return { ...loaded, source: mutated(mutant, readFileSync(path, 'utf8')) }
    },
  })
}
