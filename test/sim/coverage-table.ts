import { type Landmark, landmarks } from './coverage.ts'

type Counts = Readonly<Partial<Record<Landmark, number>>>

/** Of many runs: how many came to each landmark, and how often that was in all. */
export class CoverageTable {
  readonly #runs = new Map<Landmark, number>()
  readonly #times = new Map<Landmark, number>()

  add(counts: Counts): void {
    for (const landmark of landmarks) {
      const times = counts[landmark] ?? 0
      if (times === 0) continue
      this.#runs.set(landmark, (this.#runs.get(landmark) ?? 0) + 1)
      this.#times.set(landmark, (this.#times.get(landmark) ?? 0) + times)
    }
  }

  get missing(): readonly Landmark[] {
    return landmarks.filter(landmark => !this.#runs.has(landmark))
  }

  lines(): readonly string[] {
    const width = Math.max(...landmarks.map(landmark => landmark.length))
    const head = `${'state'.padEnd(width)}  ${'runs'.padStart(7)}  ${'times'.padStart(9)}`
    const row = (landmark: Landmark): string => {
      const runs = String(this.#runs.get(landmark) ?? 0).padStart(7)
      const times = String(this.#times.get(landmark) ?? 0).padStart(9)
      return `${landmark.padEnd(width)}  ${runs}  ${times}`
    }
    return [head, ...landmarks.map(row)]
  }
}
