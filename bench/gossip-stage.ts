import { randomBytes } from 'node:crypto'
import type { Address } from '../src/base/address.ts'
import { seeded } from '../src/base/random.ts'
import { uuidv7 } from '../src/base/uuid.ts'
import { GossipCipher } from '../src/net/security/gossip-cipher.ts'
import type { MemberInfo, SwimMessage, Update } from '../src/swim/types.ts'

/** What the parts of the gossip bench share: options, who there is, and one key of gossip. */
const option = (name: string, otherwise: number) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
export const millis = option('ms', 300)
export const passes = option('passes', 5)
export const members = option('members', 64)

const random = seeded(1)
export const tag = uuidv7(0, random)
/** The agent under test, then the others; the same in each process. */
export const ids = Array.from({ length: Math.max(members, 17) + 1 }, () => uuidv7(0, random))
export const own = ids[0]!
const meta = new Uint8Array(24)
const ring = { primary: 1, keys: [{ id: 1, key: new Uint8Array(32).fill(7) }] }

export function infoOf(
  id: string,
  i: number,
  address: Address = { host: '10.1.2.3', port: 4483 },
): MemberInfo {
  return { id, name: `node-${i}`, address, incarnation: 1, meta }
}

export function newCipher(): GossipCipher {
  const cipher = new GossipCipher(bytes => randomBytes(bytes))
  cipher.use(ring)
  return cipher
}

export function ping(seq: number, updates: readonly Update[]): SwimMessage {
  return { type: 'ping', seq, target: own, updates }
}
