import type { Backend, JoinAnswer, StatusReport } from '../../api/types.ts'
import { formatAddress, parseAddress } from '../../base/address.ts'
import { OperatorError } from '../../base/errors.ts'
import type { Clock } from '../../base/time.ts'
import type { RequestOutcome } from '../../net/link-types.ts'
import { parseJoinToken } from '../../net/security/token.ts'
import type { Agent } from '../agent.ts'
import { requireCluster } from '../no-cluster.ts'
import { defaultPorts } from '../process/options.ts'
import { settled } from '../settled.ts'

/** An operator who has a node join waits so long for an outcome, ms. */
const joinPatience = 10_000
/** For the control plane's word that a node leaves, ms… */
const leavePatience = 10_000
/** …and for that node to be out. */
const outPatience = 30_000
const poll = 100

/** Waits a little for the outcome, so that the operator reads more than "trying". */
export function joinCluster(
  agent: Agent,
  clock: Clock,
  address: string,
  token: string | undefined,
): Promise<JoinAnswer> {
  const parsed = parseAddress(address, defaultPorts.peers)
  if ('message' in parsed)
    throw new OperatorError(
      'BAD_REQUEST',
      parsed.message,
      'give HOST:PORT of a node of the cluster',
    )
  const at = formatAddress(parsed)
  if (at === formatAddress(agent.self.address))
    throw new OperatorError(
      'BAD_REQUEST',
      `${address} is this node itself`,
      'give the address of another one',
    )
  const { cluster } = agent.self.facts
  if (cluster) {
    // All that it knew may be elsewhere by now: it finds its cluster there, or hears that it is out.
    agent.links.dialSeed(parsed)
    throw new OperatorError(
      'ALREADY_INITIALISED',
      `this node belongs to «${cluster.name}» already, tag ${cluster.tag}`,
      `it looks for its cluster at ${address} as well now; to move it to another one: hive leave, or hive reset`,
    )
  }
  const membersBefore = agent.reports.sight().members.length
  if (token === undefined) agent.security?.expect(undefined)
  else showToken(agent, token)
  agent.entry.join(at)
  const deadline = clock.now() + joinPatience
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const now = agent.self.facts.cluster
      if (now && agent.view()?.self?.phase === 'ready') {
        return resolve({ state: 'joined', cluster: now.name, detail: '' })
      }
      const refusal = agent.entry.refusal
      if (refusal?.final)
        return reject(new OperatorError(refusal.code, refusal.text, refusal.remedy))
      if (refusal?.code === 'AWAITS_APPROVAL')
        return resolve({
          state: 'waiting',
          cluster: null,
          detail: `${refusal.text.replace(/^.*?: .*?: /, '')}; ${refusal.remedy}`,
        })
      const met = agent.reports.sight().members
      const asked = agent.entry.peerAt(at)
      const isMet = met.length > membersBefore || met.some(({ id }) => id === asked)
      if (!now && isMet && !agent.entry.validating) {
        return resolve({
          state: 'zombie',
          cluster: null,
          detail: `sees ${met.length} other node${met.length > 1 ? 's' : ''}; the cluster waits for hive init`,
        })
      }
      if (clock.now() > deadline) {
        return resolve({
          state: 'trying',
          cluster: now?.name ?? null,
          detail:
            [refusal?.text, refusal?.remedy].filter(Boolean).join('; ') ||
            noAnswer(address, agent.entry.silence(at)),
        })
      }
      clock.after(poll, look)
    }
    look()
  })
}

function noAnswer(address: string, silence: string | undefined): string {
  const why = silence === undefined ? '' : `: ${silence}`
  return `no answer from ${address} yet${why}; the agent goes on trying`
}

/** From now on it is shown to whoever is asked to let this node in. */
function showToken(agent: Agent, text: string): void {
  const token = parseJoinToken(text)
  if (!agent.security)
    throw new OperatorError('REFUSED', 'nodes prove nothing here, so tokens are good for nothing')
  agent.security.expect(token)
  // What was made without it proves less, or is of another cluster than the token.
  for (const id of agent.links.connectedPeers()) agent.links.forget(id)
}

/** Waits until the node is out; throws TIMEOUT when that takes longer. `status` is what this node would tell an operator. */
export async function leaveCluster(
  agent: Agent,
  clock: Clock,
  request: Parameters<Backend['leave']>[0],
  status: () => Promise<StatusReport>,
): ReturnType<Backend['leave']> {
  requireCluster(agent.self)
  const node = request.node ?? agent.self.id
  const own = node === agent.self.id || node === agent.self.name
  const { incarnation } = agent.self.facts
  return settled<{ advice?: string }>(done =>
    agent.authority.write(
      'leave',
      { node, own, ...(own && { incarnation }), force: request.force, actor: request.actor },
      leavePatience,
      outcome => done(own && isOut(agent, outcome) ? left : withRescue(outcome)),
    ),
  ).then(({ advice }) => {
    if (own) agent.departure.letGo()
    return new Promise((resolve, reject) => {
      const deadline = clock.now() + outPatience
      const look = async (): Promise<void> => {
        const gone = own
          ? !agent.self.facts.cluster
          : !(await status()).nodes.some(n => n.id === node || n.name === node)
        if (gone) return resolve({ left: true, ...(advice && { advice }) })
        if (clock.now() > deadline)
          return reject(
            new OperatorError(
              'TIMEOUT',
              'the leave is recorded and under way',
              'hive status shows when it is over',
            ),
          )
        clock.after(poll, () => void look())
      }
      void look()
    })
  })
}

const left: RequestOutcome = { ok: true, body: {} }

/** Who is out has nobody left to tell it so, or only that. */
function isOut(agent: Agent, outcome: RequestOutcome): boolean {
  return agent.self.facts.left === true || (!outcome.ok && outcome.code === 'REMOVED')
}

/** Who is taken out because it is dead may be what the quorum lacks. */
function withRescue(outcome: RequestOutcome): RequestOutcome {
  if (outcome.ok || outcome.code !== 'NO_QUORUM') return outcome
  return {
    ...outcome,
    remedy:
      'nobody can decide it: start the missing control nodes again; if they are gone for good: hive recover plan',
  }
}
