import { Flags } from '@oclif/core'
import type { NewToken, TokenWish } from '../../api/token-types.ts'
import { parseDuration } from '../../base/duration.ts'
import { parsePolicy, policyForms } from '../../base/policy.ts'
import type { Millis } from '../../base/time.ts'
import { AgentCommand, badInput } from '../../client/command.ts'
import { renderNewToken } from '../../dashboard/tokens.ts'

interface JoinFlags {
  readonly role?: string[] | undefined
  readonly uses?: number | undefined
  readonly name?: string | undefined
}

interface ApiFlags {
  readonly policy?: string[] | undefined
}

export default class TokenCreate extends AgentCommand {
  static override summary =
    'Make a token that lets new nodes into the cluster, or programs use its API.'
  static override description =
    'It is printed once, alone on standard output, and the cluster keeps only its hash: send it straight to a file. ' +
    'A node shows it with --token-file, and believes by it that it speaks to this cluster and no other. ' +
    'A program sends one for the API as "Authorization: Bearer TOKEN". It may do what one of its policies says: ' +
    'read (everything but the KV store), kv:PREFIX:r and kv:PREFIX:rw (keys that begin with PREFIX), operator (everything).'
  static override examples = [
    '(umask 077; <%= config.bin %> <%= command.id %> > join.token)',
    '<%= config.bin %> <%= command.id %> --uses 5 --expires 24h --name "web-*" --role host > join.token',
    '<%= config.bin %> <%= command.id %> --api --policy read --policy kv:app/:rw --expires 720h --note ci > ci.token',
  ]
  static override flags = {
    api: Flags.boolean({ description: 'It is for the HTTP API and lets no node in.' }),
    policy: Flags.string({
      description: 'With --api, what its holder may do; may be repeated.',
      helpValue: 'POLICY',
      multiple: true,
      multipleNonGreedy: true,
    }),
    role: Flags.string({
      description: 'A role for each node that it lets in; may be repeated.',
      helpValue: 'NAME',
      multiple: true,
      multipleNonGreedy: true,
    }),
    uses: Flags.integer({
      description: 'It lets in so many nodes; default 1.',
      helpValue: 'N',
      min: 1,
      max: 10_000,
    }),
    expires: Flags.string({
      description: 'It counts for so long; default 1h, for the API 720h. Only there: never.',
      helpValue: 'TIME',
    }),
    name: Flags.string({
      description: 'It lets in only nodes of that name; * is any run of letters, ? any one.',
      helpValue: 'PATTERN',
    }),
    note: Flags.string({ description: 'What it is for, in hive token list.', default: '' }),
  }

  override async run(): Promise<NewToken> {
    const { flags } = await this.parse(TokenCreate)
    const made = await this.agent(flags).createToken({
      name: flags.note,
      life: lifeOf(flags.expires, flags.api),
      use: flags.api ? apiUse(flags) : joinUse(flags),
    })
    this.log(made.token)
    if (!this.jsonEnabled()) process.stderr.write(`${renderNewToken(made)}\n`)
    return made
  }
}

function joinUse(flags: JoinFlags & ApiFlags): TokenWish['use'] {
  if (flags.policy) throw badInput('--policy says what a token of the API may', 'add --api')
  const { role = [], uses = 1, name = '*' } = flags
  if (!/^[A-Za-z0-9*?-]{1,63}$/.test(name))
    throw badInput(`--name "${name}" is no name, nor a pattern of names`, 'write web-1, or web-*')
  return { kind: 'join', roles: role, uses, pattern: name }
}

function apiUse({
  policy: policies = [],
  role,
  uses,
  name,
}: JoinFlags & ApiFlags): TokenWish['use'] {
  if (role || uses !== undefined || name !== undefined) {
    throw badInput(
      '--role, --uses and --name are about nodes that a token lets in',
      'leave them out, or leave out --api; what a token is for is said with --note',
    )
  }
  const wrong = policies.find(text => parsePolicy(text) === undefined)
  if (wrong !== undefined || policies.length === 0) {
    throw badInput(
      wrong === undefined ? '--api needs a policy' : `--policy ${wrong}: there is no such policy`,
      `give --policy with ${policyForms}`,
    )
  }
  return { kind: 'api', policies }
}

/** Null: for ever. */
function lifeOf(text: string | undefined, api: boolean): Millis | null {
  if (text === undefined) return parseDuration(api ? '720h' : '1h')!
  if (api && text === 'never') return null
  const life = parseDuration(text)
  if (life !== undefined && life >= 1000) return life
  throw badInput(`--expires: "${text}" is not a length of time`, 'write it like 30m, 1h or 168h')
}
