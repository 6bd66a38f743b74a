/** What somebody most likely meant: the known word within a third of its letters, or undefined. */
export function didYouMean(word: string, known: Iterable<string>): string | undefined {
  if (word.length > 64) return undefined
  const lower = word.toLowerCase().replaceAll('-', '_')
  let best: string | undefined
  let bestDistance = Math.floor(Math.max(word.length, 3) / 3) + 1
  for (const candidate of known) {
    const distance = editDistance(lower, candidate.toLowerCase().replaceAll('-', '_'))
    if (distance >= bestDistance) continue
    bestDistance = distance
    best = candidate
  }
  return best
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, beforeLast[j - 2]! + 1)
      }
      row.push(cost)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}
