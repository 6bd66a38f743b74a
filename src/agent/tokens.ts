import type { NewToken, TokenWish } from '../api/token-types.ts'
import { OperatorError } from '../base/errors.ts'
import { apiTokenText, hashOf, joinTokenText, newToken } from '../net/security/token.ts'
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
