import type { Target } from './load.ts'

/**
 * The same thing asked of each: 1,000 keys, values of 100 bytes that differ each time. etcd's gateway takes
 * base64, of which two letters and ten digits are nine bytes, so that no script has to encode anything.
 */
const keys = 1_000
const filler = 'v'.repeat(90)
const encodedFiller = Buffer.from('v'.repeat(91)).toString('base64')
/** Eight characters of base64 (`bench/`), then twelve (nine bytes). */
const encodedKey = `${Buffer.from('bench/').toString('base64')}kk%k`

/** hive answers Consul's path, so one target fits both. A key of 16 bytes, a value of 100. */
export function putKv(url: string): Target {
  return { url, method: 'PUT', path: '/v1/kv/bench/%k', body: `${filler}%n`, keys }
}

export function getKv(url: string, query = ''): Target {
  return { url, method: 'GET', path: `/v1/kv/bench/%k${query}`, body: '', keys }
}

export function putEtcd(url: string): Target {
  const body = `{"key":"${encodedKey}","value":"vv%n${encodedFiller}"}`
  return { url, method: 'POST', path: '/v3/kv/put', body, keys }
}

export function getEtcd(url: string): Target {
  return { url, method: 'POST', path: '/v3/kv/range', body: `{"key":"${encodedKey}"}`, keys }
}
