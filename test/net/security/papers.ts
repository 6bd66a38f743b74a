import {
  type Credentials,
  clusterUri,
  nodeUri,
  type Proof,
} from '../../../src/net/security/credentials.ts'
import { secretAuthority, secretValidity } from '../../../src/net/security/secret.ts'
import {
  type Authority,
  inspect,
  issue,
  makeRequest,
  newAuthority,
  newKey,
  readRequest,
} from '../../../src/net/security/x509.ts'

/** Papers for tests: clusters, their members, holders of a secret, joiners. */

const day = 86_400_000

export interface TestCluster {
  readonly tag: string
  readonly authority: Authority
}

let serial = 1
const nextSerial = () => Buffer.alloc(16, serial++ % 255)

export function makeCluster(tag: string): TestCluster {
  const now = Date.now()
  const authority = newAuthority({
    name: `hive ${tag}`,
    notBefore: now - day,
    notAfter: now + 365 * day,
    serial: nextSerial(),
  })
  return { tag, authority }
}

export function memberOf(
  { tag, authority }: TestCluster,
  id: string,
  life: { from?: number; to?: number; key?: string; trusting?: readonly string[] } = {},
): NonNullable<Credentials['member']> {
  const key = life.key ?? newKey()
  const now = Date.now()
  const chain = issue(authority, {
    publicKey: readRequest(makeRequest(key, id)).publicKey,
    name: id,
    uris: [nodeUri(id), clusterUri(tag)],
    hosts: ['127.0.0.1'],
    notBefore: life.from ?? now - day,
    notAfter: life.to ?? now + day,
    serial: nextSerial(),
  })
  return {
    tag,
    chain: chain + authority.certificate,
    key,
    authorities: life.trusting ?? [authority.certificate],
  }
}

export function holderOf(secret: string, id: string, key = newKey()): Proof {
  const authority = secretAuthority(secret)
  const [notBefore, notAfter] = secretValidity
  const chain = issue(authority, {
    publicKey: readRequest(makeRequest(key, id)).publicKey,
    name: id,
    uris: [nodeUri(id)],
    hosts: [],
    notBefore,
    notAfter,
    serial: nextSerial(),
  })
  return { chain: chain + authority.certificate, key, authorities: [authority.certificate] }
}

export const tokenFor = ({ authority }: TestCluster): NonNullable<Credentials['token']> => ({
  authority: inspect(authority.certificate).fingerprint,
})
