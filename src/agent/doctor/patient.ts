import type { ClusterView } from '../../cluster/view.ts'
import { quorumOf } from '../../cluster/voters.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import type { Gossip } from '../membership/gossip.ts'
import { decodeMeta } from '../membership/member-meta.ts'
import type { AgentConfig } from '../process/config.ts'
import type { Self } from '../self.ts'
import type { Security } from '../trust/security.ts'
import type { Patient } from './doctor.ts'
import type { Neighbour } from './neighbour.ts'

export interface PatientParts {
  readonly self: Self
  readonly config: AgentConfig
  readonly security: Security | undefined
  plane(): ControlPlane | undefined
  view(): ClusterView | undefined
  leader(): string | null
  gossip(): Gossip
}

/** What is agreed and believed about this node and its peers, as the doctor wants it. */
export function patientOf(parts: PatientParts): Patient {
  const { self, config, security, plane, view, leader, gossip } = parts
  return {
    name: self.name,
    version: self.version,
    seeds: [...new Set([...config.join, ...self.facts.joining])],
    keepsSome: gossip().partial && plane() === undefined,
    neighbours: () => neighboursOf(parts),
    remembered: () => self.facts.known.length + (self.facts.cluster?.control.length ?? 0),

    quorum(silent) {
      const voters = plane()?.state.voters ?? view()?.voters
      if (!self.facts.cluster) return undefined
      const all = voters ?? self.facts.cluster.control.map(c => c.id)
      const reachable = all.filter(
        id => !silent.has(id) && gossip().counts({ id, phase: 'ready' }),
      ).length
      return {
        voters: all.length,
        needed: quorumOf(all.length),
        reachable,
        leader: leader() !== null,
      }
    },

    certificates() {
      if (!security || security.open) return undefined
      const state = plane()?.state
      const agreed = [...(state?.certificates.values() ?? [])].flatMap(c => {
        const node = state?.nodes.get(c.id)?.name
        return node === undefined ? [] : [{ ...c, node }]
      })
      if (agreed.length > 0) return agreed
      const { member } = security
      return member ? [{ ...security.notary.inspect(member.certificate), node: self.name }] : []
    },
  }
}

/** The agreed address counts; of a zombie, what it said of itself when it proved who it is. */
function neighboursOf({ self, plane, view, gossip }: PatientParts): readonly Neighbour[] {
  const found = new Map<string, Neighbour>()
  const add = (n: Neighbour): void => {
    if (n.id !== self.id && !found.has(n.id)) found.set(n.id, n)
  }
  const state = plane()?.state
  const known = view()
  const version = (id: string): string => {
    const agreed = state?.nodes.get(id)?.version
    const member = gossip().member(id)
    return agreed ?? (member ? decodeMeta(member.meta).version : '')
  }
  for (const id of [...(state?.voters ?? []), ...(state?.observers ?? [])]) {
    const node = state?.nodes.get(id)
    if (node) add(node)
  }
  for (const node of state?.nodes.values() ?? []) add(node)
  const follows = known === undefined ? [] : [...known.control, ...known.members]
  for (const { id, name, host, port } of follows) {
    add({ id, name, address: { host, port }, version: version(id) })
  }
  for (const m of gossip().members()) {
    if (m.status !== 'left' && (!state?.cluster || state.nodes.has(m.id)))
      add({ id: m.id, name: m.name, address: m.address, version: version(m.id) })
  }
  return [...found.values()]
}
