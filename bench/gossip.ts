import { others, wholePath } from './gossip-path.ts'
import { quiet } from './gossip-quiet.ts'
import { ids, infoOf } from './gossip-stage.ts'
import { stepsOf } from './gossip-steps.ts'

/**
 * What gossip costs an agent: each step of one datagram; an agent's whole gossip path over real UDP,
 * sealed, with another process in the part of all other members; and a second of a quiet cluster, by the number of members kept.
 *
 *   node --expose-gc bench/gossip.ts [--ms 300] [--passes 5] [--members 64]
 */
if (process.argv.includes('--others')) {
  others()
} else {
  stepsOf('A ping', [])
  const news = ids.slice(2, 18).map((id, i) => ({ kind: 'alive', member: infoOf(id, i) }) as const)
  stepsOf('A ping with news of sixteen members', news)
  await wholePath(import.meta.filename)
  console.log('\nA quiet cluster, from one agent, by members kept')
  console.log('     members     of a core       bytes/s    memory KiB')
  for (const kept of [64, 256, 1_024, 10_000]) quiet(kept)
}
