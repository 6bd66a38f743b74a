import type { Millis } from '../../base/time.ts'
import type { Links } from '../../net/link-types.ts'

/** A control node that is there answers in milliseconds. */
const patience: Millis = 500

/**
 * Nobody leads, and this node keeps no log: what the control nodes that are left remember, from the one that knows most.
 * It may be old, but it has everybody in it, and not only this node's slice. `reach`: how far into the log an answer goes.
 */
export function askWitnesses<Told>(
  links: Pick<Links, 'request'>,
  control: readonly string[],
  question: { readonly method: string; readonly body: object },
  reach: (told: Told) => number,
  done: (best: Told | undefined) => void,
): void {
  let best: Told | undefined
  let open = control.length
  if (open === 0) return done(undefined)
  for (const id of control) {
    links.request(id, question.method, question.body, patience, outcome => {
      if (outcome.ok) {
        const told = outcome.body as Told
        if (best === undefined || reach(told) > reach(best)) best = told
      }
      if (--open === 0) done(best)
    })
  }
}
