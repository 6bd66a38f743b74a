import {
  count,
  type Fields,
  fields,
  flag,
  list,
  optionalCount,
  text,
  texts,
} from '../base/shape.ts'
import type { NodeFacts } from './types.ts'

/**
 * Checks facts that come from the disk; throws MalformedError naming the field. What a newer hive
 * has added is kept as it is, so that going back a version forgets nothing.
 */
export function parseFacts(json: string): NodeFacts {
  const raw = fields(JSON.parse(json), 'facts')
  text(raw, 'id')
  text(raw, 'name')
  count(raw, 'incarnation')
  if (raw.cluster !== undefined) checkCluster(fields(raw.cluster, 'cluster'))
  if (raw.group !== undefined) checkGroup(fields(raw.group, 'group'))
  if (raw.abandoned !== undefined) checkGroup(fields(raw.abandoned, 'abandoned'))
  if (raw.returning !== undefined) {
    const returning = fields(raw.returning, 'returning')
    text(returning, 'tag')
    text(returning, 'name')
    count(returning, 'epoch')
    count(returning, 'lineage')
  }
  if (raw.promised !== undefined) checkPromised(fields(raw.promised, 'promised'))
  checkContacts(raw, 'known')
  texts(raw, 'joining')
  flag(raw, 'left')
  return raw as unknown as NodeFacts
}

function checkCluster(cluster: Fields): void {
  text(cluster, 'tag')
  text(cluster, 'name')
  count(cluster, 'epoch')
  count(cluster, 'metaVersion')
  for (const key of ['lineage', 'horizon', 'seen']) optionalCount(cluster, key)
  checkContacts(cluster, 'control')
}

function checkGroup(group: Fields): void {
  text(group, 'tag')
  if (group.rescue !== undefined) checkRescue(fields(group.rescue, 'rescue'))
  if (group.prepared === undefined) return
  const prepared = fields(group.prepared, 'prepared')
  text(prepared, 'coordinator')
  text(prepared, 'name')
  checkContacts(prepared, 'voters')
  count(prepared, 'at')
  flag(prepared, 'started')
  flag(prepared, 'approve')
  if (prepared.control !== undefined) list(prepared, 'control').forEach(checkNode)
}

function checkRescue(rescue: Fields): void {
  for (const key of ['epoch', 'metaVersion', 'lineage']) count(rescue, key)
  for (const key of ['voters', 'lost']) texts(rescue, key)
  for (const key of ['reason', 'actor']) text(rescue, key)
}

function checkPromised(promised: Fields): void {
  text(promised, 'tag')
  for (const key of ['lineage', 'term']) count(promised, key)
  if (promised.vote !== null) text(promised, 'vote')
}

function checkContacts(from: Fields, key: string): void {
  list(from, key).forEach((value, i) => {
    const contact = fields(value, `${key}[${i}]`)
    text(contact, 'id')
    text(contact, 'name')
    if (contact.key !== undefined) text(contact, 'key')
    checkAddress(contact)
  })
}

function checkNode(value: unknown, i: number): void {
  const node = fields(value, `control[${i}]`)
  for (const key of ['id', 'name', 'dc', 'version']) text(node, key)
  checkAddress(fields(node.address, 'address'))
  count(node, 'incarnation')
  texts(node, 'roles')
}

function checkAddress(address: Fields): void {
  text(address, 'host')
  count(address, 'port')
}
