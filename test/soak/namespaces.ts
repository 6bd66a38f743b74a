import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { type Launch, mount, type Network } from './network.ts'

/** What this machine can do to packets. */
interface Means {
  /** tc netem: delay and loss as they are. */
  readonly netem: boolean
  /** iptables with its statistic match: loss. */
  readonly statistic: boolean
  /** tc tbf: a narrow road, on which packets wait. */
  readonly tbf: boolean
}

const router = 'net'

/**
 * Every node has a network namespace with one interface, and a router between them all where packets are lost. Must run in
 * a network and mount namespace of its own.
 */
export class Namespaces implements Network {
  readonly #count: number
  readonly #means: Means
  readonly lacking: Network['lacking']
  readonly #cut = new Set<string>()

  constructor(count: number) {
    this.#count = count
    mount('tmpfs', '/run')
    mkdirSync('/run/netns')
    ip('link', 'set', 'lo', 'up')
    ip('netns', 'add', router)
    run(
      'nsenter',
      `--net=/run/netns/${router}`,
      'sh',
      '-c',
      'echo 1 > /proc/sys/net/ipv4/ip_forward',
    )
    for (let i = 0; i < count; i++) this.#addNode(i)
    this.#means = {
      netem: this.#can('tc', 'qdisc', 'add', 'dev', 'n1', 'root', 'netem', 'delay', '1ms'),
      tbf: this.#can('tc', 'qdisc', 'add', 'dev', 'n1', 'root', ...narrow(1000)),
      statistic: this.#can('iptables', '-A', 'FORWARD', ...chance(0.5)),
    }
    const { netem, statistic, tbf } = this.#means
    this.lacking = {
      ...(!netem && !statistic && { loss: 'tc has no netem, and iptables no statistic match' }),
      ...(!netem && !tbf && { slow: 'tc has neither netem nor tbf' }),
    }
    this.calm()
  }

  get name(): string {
    const { netem, statistic, tbf } = this.#means
    const tools = [netem && 'netem', !netem && statistic && 'iptables', !netem && tbf && 'tbf']
    return `a network namespace per node (${tools.filter(Boolean).join(', ') || 'routes only'})`
  }

  address(i: number): string {
    return `10.83.${i + 1}.2`
  }

  bind(i: number): string {
    return this.address(i)
  }

  /** nsenter becomes the command, so its process id stays. */
  inside(i: number, command: string, args: readonly string[]): Launch {
    return { command: 'nsenter', args: [`--net=/run/netns/n${i + 1}`, command, ...args], env: {} }
  }

  started(): void {}

  ended(): void {}

  cut(from: number, to: number): void {
    if (from === to || this.#cut.has(`${from}>${to}`)) return
    this.#cut.add(`${from}>${to}`)
    this.#rule('add', from, to)
  }

  heal(): void {
    for (const pair of this.#cut) {
      const [from, to] = pair.split('>').map(Number)
      this.#rule('del', from!, to!)
    }
    this.#cut.clear()
  }

  lose(victims: readonly number[], part: number): void {
    for (const i of victims) {
      if (this.#means.netem) this.#qdisc(i, ['netem', 'loss', `${Math.round(part * 100)}%`])
      else this.#onRouter('iptables', '-A', 'FORWARD', '-d', this.address(i), ...chance(part))
    }
  }

  findAgain(victims: readonly number[]): void {
    for (const i of victims) {
      if (this.#means.netem) this.#qdisc(i)
    }
    if (!this.#means.netem) this.#onRouter('iptables', '-F', 'FORWARD')
  }

  /** Where only tbf is there, they share a road of so few kbit/s that they queue. */
  slow(victims: readonly number[], ms: number, kbits: number): string {
    const { netem } = this.#means
    const late = ['netem', 'delay', `${ms}ms`, `${Math.round(ms / 3)}ms`]
    for (const i of victims) this.#qdisc(i, netem ? late : narrow(kbits))
    return netem ? `${ms} ms late` : `through ${kbits} kbit/s`
  }

  hurry(victims: readonly number[]): void {
    for (const i of victims) this.#qdisc(i)
  }

  calm(): void {
    this.heal()
    for (let i = 0; i < this.#count; i++) this.#qdisc(i)
    if (this.#means.statistic) this.#onRouter('iptables', '-F', 'FORWARD')
  }

  #addNode(i: number): void {
    const name = `n${i + 1}`
    ip('netns', 'add', name)
    ip('link', 'add', name, 'netns', router, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
    ip('-n', router, 'addr', 'add', `10.83.${i + 1}.1/24`, 'dev', name)
    ip('-n', router, 'link', 'set', name, 'up')
    ip('-n', name, 'addr', 'add', `${this.address(i)}/24`, 'dev', 'eth0')
    ip('-n', name, 'link', 'set', 'eth0', 'up')
    ip('-n', name, 'link', 'set', 'lo', 'up')
    ip('-n', name, 'route', 'add', 'default', 'via', `10.83.${i + 1}.1`)
  }

  #rule(verb: 'add' | 'del', from: number, to: number): void {
    const pair = ['from', this.address(from), 'to', this.address(to)]
    ip('-n', router, 'rule', verb, ...pair, 'blackhole')
  }

  #qdisc(i: number, how?: readonly string[]): void {
    const dev = ['dev', `n${i + 1}`, 'root']
    spawnSync('nsenter', [`--net=/run/netns/${router}`, 'tc', 'qdisc', 'del', ...dev])
    if (how) this.#onRouter('tc', 'qdisc', 'add', ...dev, ...how)
  }

  #onRouter(...command: readonly string[]): void {
    run('nsenter', `--net=/run/netns/${router}`, ...command)
  }

  #can(...command: readonly string[]): boolean {
    const { status } = spawnSync('nsenter', [`--net=/run/netns/${router}`, ...command])
    if (command[0] === 'tc') this.#qdisc(0)
    return status === 0
  }
}

/** Packets wait 2 s for their turn at most. */
function narrow(kbits: number): string[] {
  return ['tbf', 'rate', `${kbits}kbit`, 'burst', '4000', 'latency', '2s']
}

function chance(part: number): string[] {
  return ['-m', 'statistic', '--mode', 'random', '--probability', part.toFixed(2), '-j', 'DROP']
}

function ip(...args: readonly string[]): void {
  run('ip', ...args)
}

function run(command: string, ...args: readonly string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
