import type { Problem } from './errors.ts'

/** A host (name, IPv4 or IPv6 without brackets) and a port. */
export interface Address {
  readonly host: string
  readonly port: number
}

export function formatAddress(address: Address): string {
  return address.host.includes(':')
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.port === b.port && a.host === b.host
}

/** Parses `host`, `host:port`, `[v6]:port` or a bare IPv6 address. */
export function parseAddress(
  text: string,
  defaultPort: number,
  key = 'address',
): Address | Problem {
  const bad = (message: string): Problem => ({ key, message: `"${text}": ${message}` })
  const bracketed = /^\[([0-9a-fA-F:.%a-z]+)\](?::(\d+))?$/.exec(text)
  const bare = (text.match(/:/g)?.length ?? 0) > 1
  let host = text
  let port: string | undefined
  if (bracketed) {
    host = bracketed[1]!
    port = bracketed[2]
  } else if (!bare) {
    const colon = text.lastIndexOf(':')
    if (colon >= 0) {
      host = text.slice(0, colon)
      port = text.slice(colon + 1)
    }
  }
  if (host === '') return bad('the host is missing; write HOST:PORT')
  const form = bare || bracketed ? /^[0-9A-Fa-f:.]+(%[A-Za-z0-9._-]+)?$/ : /^[A-Za-z0-9._%-]+$/
  if (!form.test(host)) return bad('not a host name or IP address')
  if (/^\d+$/.test(host)) return bad('only a number; write HOST:PORT')
  if (port === undefined) return { host, port: defaultPort }
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) return bad('the port must be 0 to 65535')
  return { host, port: Number(port) }
}
