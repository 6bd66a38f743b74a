import type { Millis } from '../../base/time.ts'
import type { Answer, Links } from '../../net/link-types.ts'

/** The others, as the doctor asks them. */
export interface Peers {
  request(to: string, method: string, body: unknown, timeout: Millis, done: Answer): void
}

/**
 * What the doctor asks changes nothing, and so may be asked again. Once, over another link: where the first one is lost
 * because nodes meet anew, as they do with their first certificates, nobody is ill.
 */
export function peersOver(links: Pick<Links, 'request'>): Peers {
  return {
    request(to, method, body, timeout, done) {
      links.request(to, method, body, timeout, outcome => {
        if (!outcome.ok && outcome.lost) links.request(to, method, body, timeout, done)
        else done(outcome)
      })
    },
  }
}
