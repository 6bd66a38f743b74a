import type { IncomingHttpHeaders } from 'node:http'

/** Characters of an actor that end up in the event log. */
const actorChars = 64

/** What the cluster itself writes of those whom it knows; nobody gives himself such a name. */
const reserved = /^(token|node|leader):/i

/** Who asks, as header `x-hive-actor` says; what could confuse a reader of the event log is dropped. */
export function actorOf(headers: IncomingHttpHeaders): string {
  const given = headers['x-hive-actor']
  if (typeof given !== 'string') return 'operator'
  const clean = cleanActor(given)
  return clean === '' || reserved.test(clean) ? 'operator' : clean
}

export function cleanActor(text: string): string {
  return text.replace(/[^A-Za-z0-9@._:/+-]/g, '').slice(0, actorChars)
}
