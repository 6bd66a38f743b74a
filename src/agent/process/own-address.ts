import { isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Problem } from '../../base/errors.ts'

/** Every address of this machine: binding to it says nothing of where others find the node. */
export function isWildcard(host: string): boolean {
  return /^(0+(\.0+){0,3}|[0:]*:[0:]*)$/.test(host)
}

/** What a bridge for containers or virtual machines is called: its address is the same on every host. */
const bridges = /^(docker|br-|veth|virbr|cni|flannel|cali|lxc|lxd|podman)/

/** Addresses that other machines may find this one at, in the order in which the system has them. */
export function ownAddresses(): readonly string[] {
  return Object.entries(networkInterfaces())
    .filter(([name]) => !bridges.test(name))
    .flatMap(([, entries]) => entries ?? [])
    .filter(({ internal, address }) => !internal && !/^(169\.254\.|fe[89ab])/i.test(address))
    .map(({ address }) => address)
}

/**
 * What a node that binds to all addresses and was given none to advertise tells others: the only one there is. Of two
 * families IPv4, which nodes of either can send to.
 */
export function advertised(bind: string, own: readonly string[]): { host: string } | Problem {
  const four = own.filter(isIPv4)
  const candidates = four.length > 0 || !bind.includes(':') ? four : own
  const [only] = candidates
  if (only !== undefined && candidates.length === 1) return { host: only }
  const these = candidates.length === 0 ? 'none yet' : candidates.join(', ')
  return {
    key: 'advertise',
    message: `is needed with bind ${bind}, because others cannot dial that; this machine has ${these}`,
  }
}
