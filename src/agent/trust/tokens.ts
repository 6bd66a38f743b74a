import type { NewToken, TokenWish } from '../../api/token-types.ts'
import type { InitAnswer } from '../../api/types.ts'
import { OperatorError } from '../../base/errors.ts'
import type { Clock } from '../../base/time.ts'
import { apiTokenText, hashOf, joinTokenText, newToken } from '../../net/security/token.ts'
import type { Agent } from '../agent.ts'
import type { Security } from './security.ts'

/**
 * A token is made here, where it is asked for: its secret goes to whoever asked and nowhere else, and the
 * control plane hears of its hash.
 */
export async function createToken(
  security: Security | undefined,
  ask: <T>(method: string, body: unknown) => Promise<T>,
  { actor, life, ...wish }: TokenWish & { readonly actor: string },
): Promise<NewToken> {
  if (!security)
    throw new OperatorError('REFUSED', 'nodes prove nothing here, so tokens are good for nothing')
  const { id, secret } = newToken(bytes => security.notary.random(bytes))
  const { tag, ca, expires } = await ask<{
    readonly tag: string
    readonly ca: string
    readonly expires: number | null
  }>('token-create', {
    ...{ id, hash: hashOf(secret), name: wish.name, use: wish.use, actor },
    ...(life !== null && { life }),
  })
  const token =
    wish.use.kind === 'join' ? joinTokenText({ tag, ca, id, secret }) : apiTokenText(id, secret)
  return { id, token, expires, use: wish.use }
}

/** The first token: for the nodes of the first day. */
const first: TokenWish = {
  name: 'made by the init',
  life: 24 * 3_600_000,
  use: { kind: 'join', roles: [], uses: 16, pattern: '*' },
}
/** The authority comes right after the init; so long, ms, an operator waits for it, looking so often. */
const authorityPatience = 8_000
const authorityPace = 100

/** What an init answers, with what other nodes get in by; without, where nodes prove nothing or it takes too long. */
export async function withToken(
  agent: Agent,
  clock: Clock,
  ask: <T>(method: string, body: unknown) => Promise<T>,
  answer: InitAnswer,
  actor: string,
): Promise<InitAnswer> {
  const { security } = agent
  if (!security || security.open) return answer
  const join = `${answer.join} --token-file join.token`
  if (answer.repeated || !(await hasAuthority(agent, clock))) return { ...answer, join }
  try {
    const token = await createToken(security, ask, { ...first, actor })
    return { ...answer, join, token }
  } catch (error) {
    // The init is done whatever comes of this; hive token create says what is wrong.
    if (error instanceof OperatorError) return { ...answer, join }
    throw error
  }
}

function hasAuthority(agent: Agent, clock: Clock): Promise<boolean> {
  const deadline = clock.now() + authorityPatience
  return new Promise(resolve => {
    const look = (): void => {
      if ((agent.view()?.trust?.authorities.length ?? 0) > 0) resolve(true)
      else if (clock.now() > deadline) resolve(false)
      else clock.after(authorityPace, look)
    }
    look()
  })
}
