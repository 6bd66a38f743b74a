import type { Random } from '../../src/base/random.ts'
import type { TokenUse } from '../../src/state/events.ts'
import type { State } from '../../src/state/state.ts'
import { Violation } from './checkers.ts'
import type { Cluster, SimulatedNode } from './cluster.ts'
import type { Command } from './operators.ts'
import type { Stage, Work } from './scenario.ts'

/** Operators at the door: they hand out tokens and take them back, let nodes wait, admit them or send them away. */

/** Tokens that are remembered, to be shown again or taken back. */
const maxTokens = 8
/** How long a token lasts at most, ms: some run out on the way. */
const longestLife = 40_000

interface Handed {
  readonly id: string
  readonly token: string
}

export interface PorterParts {
  readonly cluster: Cluster
  readonly works: ReadonlySet<Work>
  readonly dice: Random
}

export class Porters {
  readonly #parts: PorterParts
  readonly #handed: Handed[] = []

  constructor(parts: PorterParts) {
    this.#parts = parts
  }

  /** Whoever is added comes by a token. */
  get handsOut(): boolean {
    const { cluster, works } = this.#parts
    return works.has('tokens') && cluster.secret !== undefined
  }

  /** One of the things that they do. */
  choose(at: SimulatedNode): Command | undefined {
    const { works, dice } = this.#parts
    if (!works.has('tokens') && !works.has('approval')) return undefined
    const roll = dice.below(30)
    if (this.handsOut && roll < 2) return this.#token(at, 1 + dice.below(longestLife), () => {})
    if (this.handsOut && roll < 4) return this.#revoke(at)
    if (!works.has('approval')) return undefined
    if (roll < 6) return this.#policy(at, dice.below(3) > 0)
    return roll < 10 ? this.#decide(at, dice.below(4) > 0) : undefined
  }

  /** `use` is given a token: now and then one that others had, or that is soon or already worth nothing. */
  anyToken(at: SimulatedNode, use: (token: string) => void): Command | undefined {
    const { dice } = this.#parts
    const old = this.#handed[dice.below(2 * maxTokens)]
    if (old === undefined)
      return dice.below(2) === 0
        ? this.goodToken(at, use)
        : this.#token(at, 1 + dice.below(longestLife), use)
    use(old.token)
    return undefined
  }

  goodToken(at: SimulatedNode, use: (token: string) => void): Command {
    return this.#token(at, 3_600_000, use)
  }

  /** Somebody waits at the door, or was sent away, and is to come in after all. */
  admit(at: SimulatedNode, name: string): Command | undefined {
    if (!this.#parts.works.has('approval')) return undefined
    return {
      what: `admit ${name}`,
      at,
      invoke: b => b.admitNode({ node: name, actor: 'operator' }),
    }
  }

  #token(at: SimulatedNode, life: number, use: (token: string) => void): Command {
    const { dice } = this.#parts
    const roles = dice.below(3) === 0 ? ['host'] : []
    const join: TokenUse = { kind: 'join', roles, uses: 1 + dice.below(2), pattern: '*' }
    return {
      what: `token for ${life} ms`,
      at,
      invoke: async b => {
        const made = await b.createToken({ name: 'sim', life, use: join, actor: 'operator' })
        this.#handed.push(made)
        if (this.#handed.length > maxTokens) this.#handed.shift()
        use(made.token)
      },
    }
  }

  #revoke(at: SimulatedNode): Command | undefined {
    const id = this.#handed[this.#parts.dice.below(maxTokens)]?.id
    if (id === undefined) return undefined
    return {
      what: `revoke ${id}`,
      at,
      invoke: b => b.revokeToken({ id, actor: 'operator' }),
    }
  }

  #policy(at: SimulatedNode, approve: boolean): Command {
    const settings = { 'join-approval': approve ? 'yes' : 'no' }
    return {
      what: `join-approval ${settings['join-approval']}`,
      at,
      invoke: b => b.changeSettings({ settings, actor: 'operator' }),
    }
  }

  #decide(at: SimulatedNode, admit: boolean): Command {
    const first = this.#parts.dice.below(4)
    return {
      what: 'decide about joiners',
      at,
      invoke: async b => {
        const requests = await b.joinRequests()
        const one = requests[first % Math.max(1, requests.length)]
        if (one === undefined) return
        if (admit) await b.admitNode({ node: one.name, actor: 'operator' })
        else await b.refuseNode({ node: one.name, reason: 'sim', actor: 'operator' })
      },
    }
  }
}

/** No token lets in more nodes than it may, and each that it let in is counted. */
export function watchTokens({ checkers }: Pick<Stage, 'checkers'>): void {
  checkers.onState.push(({ name }, simulated) => {
    const { tokens, nodes } = simulated as State
    for (const { id, use, used } of tokens.values()) {
      if (use.kind !== 'join') continue
      const came = [...nodes.values()].filter(n => n.token === id).length
      if (used > use.uses || came > used)
        throw new Violation(
          `${name}: token ${id} for ${use.uses} let in ${used}, and ${came} are there`,
        )
    }
  })
}
