import { seeded } from '../../src/base/random.ts'
import type { Instant } from '../../src/base/time.ts'
import { Swim, swimDefaults } from '../../src/swim/swim.ts'
import type {
  Channel,
  MemberInfo,
  Outgoing,
  SwimConfig,
  SwimMessage,
  SwimReady,
  Update,
} from '../../src/swim/types.ts'

/**
 * A conversation with one node, called a, as text. Time stands still but for `run`. Updates are written as
 * `alive b@2`, `suspect b@1 by c`, `failed b@1`, `left b@1`; `#b` is the number of the last ping sent to b.
 */
export class Conversation {
  #swim: Swim | undefined
  #now: Instant = 0
  #out: string[] = []
  readonly #lastPing = new Map<string, number>()

  /** Runs one command and answers what a did. */
  say(line: string): string {
    const [command = '', ...args] = line.split(' ')
    const rest = args.join(' ')
    this.#out = []
    const now = this.#now
    if (command === 'start') this.#start(args)
    else if (command === 'introduce') {
      this.#a.step({ type: 'introduce', members: args.map(parseMember) }, now)
    } else if (command === 'refused') this.#a.step({ type: 'refused', id: rest }, now)
    else if (command === 'lag') this.#a.step({ type: 'lag', by: Number(rest) }, now)
    else if (command === 'move') {
      this.#a.step({ type: 'update-self', address: { host: rest, port: 4483 } }, now)
    } else if (command === 'verdict') this.#verdict(args)
    else if (command === 'run') this.#run(Number(rest))
    else if (command === 'members') this.#members()
    else if (args[0] === 'says') this.#hear(command, rest.slice('says '.length))
    else throw new Error(`what does "${line}" mean?`)
    this.#drain()
    return this.#out.length === 0 ? 'nothing' : this.#out.join('\n')
  }

  get #a(): Swim {
    if (!this.#swim) throw new Error('begin with "start"')
    return this.#swim
  }

  #start(args: readonly string[]): void {
    const config: Record<string, number> = { ...swimDefaults }
    let self = parseMember('a')
    for (const arg of args) {
      const [key = '', value] = arg.split('=')
      if (value === undefined) self = parseMember(key)
      else config[key] = Number(value)
    }
    this.#now = 0
    this.#swim = new Swim(config as unknown as SwimConfig, self, seeded('conversation'), 0)
  }

  #verdict(args: readonly string[]): void {
    const [verdict, who = ''] = args
    const { id, incarnation } = parseMember(who)
    if (verdict !== 'failed' && verdict !== 'left' && verdict !== 'alive') throw new Error(verdict)
    this.#a.step({ type: 'verdict', id, incarnation, verdict }, this.#now)
  }

  #hear(from: string, text: string): void {
    const { message, via } = this.#parseMessage(text)
    const fromAddress = parseMember(from).address
    this.#a.step({ type: 'message', from, fromAddress, via, message }, this.#now)
  }

  #run(duration: number): void {
    const end = this.#now + duration
    for (;;) {
      const at = this.#a.wakeAt()
      if (at === undefined || at > end) break
      this.#now = Math.max(this.#now, at)
      this.#a.tick(this.#now)
      this.#drain()
    }
    this.#now = end
    this.#a.tick(end)
  }

  #members(): void {
    const { id, incarnation } = this.#a.self
    this.#out.push(`${id}@${incarnation} is me, health score ${this.#a.health()}`)
    for (const { id, incarnation, status, accusers, address } of this.#a.members()) {
      const by = accusers.length > 0 ? ` by ${accusers.join(' ')}` : ''
      const at = address.host === id ? '' : ` at ${address.host}`
      this.#out.push(`${id}@${incarnation} ${status}${by}${at}`)
    }
  }

  #drain(): void {
    for (let ready = this.#a.ready(); ready; ready = this.#a.ready()) this.#print(ready)
  }

  #print(ready: SwimReady): void {
    const time = `${Math.round(this.#now)}ms`
    if (ready.incarnation !== undefined) this.#out.push(`${time} I am a@${ready.incarnation} now`)
    for (const { member, before } of ready.changes) {
      const { id, incarnation, status, accusers } = member
      const by = accusers.length > 0 ? ` by ${accusers.join(' ')}` : ''
      this.#out.push(`${time} ${id}@${incarnation}: ${before ?? 'unknown'} → ${status}${by}`)
    }
    for (const out of ready.send) {
      const { message } = out
      if (message.type === 'ping') this.#lastPing.set(message.target, message.seq)
      this.#out.push(`${time} ${formatOutgoing(out)}`)
    }
  }

  #parseMessage(text: string): { message: SwimMessage; via: Channel } {
    const [head = '', tail = ''] = text.split(': ')
    const words = head.split(' ')
    const via = words.at(-1) === 'stream' ? 'stream' : 'datagram'
    const [type, first = '', second = ''] = words
    const updates = tail === '' ? [] : tail.split(', ').map(parseUpdate)
    const seq = first.startsWith('#')
      ? (this.#lastPing.get(first.slice(1)) ?? Number(first.slice(1)))
      : 0
    const message: SwimMessage =
      type === 'ping'
        ? { type, seq, target: second, updates }
        : type === 'ping-req'
          ? { type, seq, target: second, address: parseMember(second).address, updates }
          : type === 'ack' || type === 'nack'
            ? { type, seq, updates }
            : type === 'push-pull'
              ? { type, reply: first === 'reply', updates }
              : { type: 'gossip', updates }
    return { message, via }
  }
}

function parseMember(text: string): MemberInfo {
  const [id = '', rest = '1'] = text.split('@')
  const [incarnation, host = id] = rest.split('/')
  const address = { host, port: 4483 }
  return { id, name: id, address, incarnation: Number(incarnation), meta: new Uint8Array() }
}

function parseUpdate(text: string): Update {
  const [kind, who = '', , accuser = ''] = text.split(' ')
  const member = parseMember(who)
  const { id, incarnation } = member
  if (kind === 'alive') return { kind, member }
  if (kind === 'suspect') return { kind, id, incarnation, accuser }
  if (kind === 'failed' || kind === 'left') return { kind, id, incarnation }
  throw new Error(`what does "${text}" mean?`)
}

function formatOutgoing(out: Outgoing): string {
  const { message } = out
  const arrow = out.via === 'stream' ? '⇒' : '→'
  const at = out.address.host === out.to ? '' : ` at ${out.address.host}`
  const updates = message.updates.map(formatUpdate).join(', ')
  return `${arrow} ${out.to}${at} ${formatHead(message)}${updates === '' ? '' : `: ${updates}`}`
}

function formatHead(message: SwimMessage): string {
  switch (message.type) {
    case 'ping':
    case 'ping-req':
      return `${message.type} #${message.seq} ${message.target}`
    case 'ack':
    case 'nack':
      return `${message.type} #${message.seq}`
    case 'gossip':
      return 'gossip'
    case 'push-pull':
      return message.reply ? 'push-pull reply' : 'push-pull'
    default:
      return message satisfies never
  }
}

function formatUpdate(update: Update): string {
  if (update.kind === 'alive') {
    const { id, incarnation, address } = update.member
    return `alive ${id}@${incarnation}${address.host === id ? '' : `/${address.host}`}`
  }
  const by = update.kind === 'suspect' ? ` by ${update.accuser}` : ''
  return `${update.kind} ${update.id}@${update.incarnation}${by}`
}
