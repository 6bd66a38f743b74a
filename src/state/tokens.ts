import type { ErrorCode } from '../base/errors.ts'
import type { EpochMillis } from '../base/time.ts'
import type { TokenRecord } from './types.ts'

/** What a token is worth, for whoever has shown its secret: asked before something is agreed, and again when it is. */

export interface Trouble {
  readonly code: ErrorCode
  readonly message: string
  readonly remedy: string
}

const anew = 'have a new one made: hive token create, on a node of the cluster'

/** `wall`: when it is used. Undefined: it counts. */
export function deadToken(
  { id, expires, revoked, use, used }: TokenRecord,
  wall: EpochMillis,
): Trouble | undefined {
  if (revoked !== null) return trouble('TOKEN_REVOKED', `token ${id} was revoked`)
  if (expires !== null && wall >= expires) return trouble('TOKEN_EXPIRED', `token ${id} expired`)
  if (use.kind === 'join' && used >= use.uses) {
    const nodes = use.uses === 1 ? 'the one node' : `all ${use.uses} nodes`
    return trouble('TOKEN_SPENT', `token ${id} has let in ${nodes} that it was made for`)
  }
  return undefined
}

/** Why it lets no node of that name in; undefined: it does. */
export function tokenTrouble(
  token: TokenRecord | undefined,
  name: string,
  wall: EpochMillis,
): Trouble | undefined {
  if (!token) return wrongToken
  const dead = deadToken(token, wall)
  if (dead) return dead
  const { id, use } = token
  if (use.kind !== 'join')
    return trouble('TOKEN_WRONG', `token ${id} is for the API: it lets no node in`)
  if (!matches(use.pattern, name)) {
    return {
      code: 'NAME_REFUSED',
      message: `token ${id} lets in nodes called ${use.pattern}, and this one is called ${name}`,
      remedy: 'start it with another --name, or have a token made for that name',
    }
  }
  return undefined
}

export const wrongToken: Trouble = trouble('TOKEN_WRONG', 'the cluster knows no such token')

/** `*` stands for any run of characters, `?` for any one; case does not count, as in DNS. */
export function matches(pattern: string, name: string): boolean {
  const wanted = pattern.toLowerCase()
  const text = name.toLowerCase()
  let p = 0
  let star = -1
  /** Where the last star's run ends so far. */
  let run = 0
  for (let t = 0; t < text.length; ) {
    if (p < wanted.length && (wanted[p] === '?' || (wanted[p] === text[t] && wanted[p] !== '*'))) {
      p++
      t++
    } else if (wanted[p] === '*') {
      star = p++
      run = t
    } else if (star >= 0) {
      p = star + 1
      t = ++run
    } else return false
  }
  while (wanted[p] === '*') p++
  return p === wanted.length
}

function trouble(code: ErrorCode, message: string): Trouble {
  return { code, message, remedy: anew }
}
