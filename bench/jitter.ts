/**
 * How much of a second this process gets of a core: a spin loop that counts the gaps in which somebody
 * else ran. Below 1 % lost the machine is quiet; above, only ratios of interleaved windows mean anything.
 */
export function lostPercent(millis = 1000): number {
  const gapMillis = 0.1
  const from = performance.now()
  let before = from
  let lost = 0
  while (before - from < millis) {
    const now = performance.now()
    if (now - before > gapMillis) lost += now - before
    before = now
  }
  return (lost / (before - from)) * 100
}
