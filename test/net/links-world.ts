import type { Address } from '../../src/base/address.ts'
import { formatAddress } from '../../src/base/address.ts'
import { seeded } from '../../src/base/random.ts'
import type { Hello, Verdict } from '../../src/net/handshake.ts'
import type {
  Answer,
  LinkHandlers,
  LinkLimits,
  Links,
  RequestOutcome,
} from '../../src/net/link-types.ts'
import { createLinks } from '../../src/net/links.ts'
import { FakeNetwork } from './fake-network.ts'
import { ManualClock } from './manual-clock.ts'

export const port = 4483

/** Ids in the order of their digit. */
export function idOf(digit: number): string {
  return `${digit}0000000-0000-7000-8000-000000000000`
}

/** Nodes with links, on a network that a test can break. Node `n` has id `idOf(n)`, host `10.0.0.n`. */
export class LinksWorld {
  readonly clock = new ManualClock()
  readonly network = new FakeNetwork(this.clock)

  node(digit: number, options: Partial<Hello> & { limits?: Partial<LinkLimits> } = {}): TestNode {
    return new TestNode(this, digit, options)
  }

  /** Two nodes, the first of which dials the second. */
  pair(options: { limits?: Partial<LinkLimits> } = {}): [TestNode, TestNode] {
    const a = this.node(1, options)
    const b = this.node(2, options)
    a.links.setAddress(b.id, b.address)
    b.links.setAddress(a.id, a.address)
    a.links.connect(b.id)
    this.clock.advance(10)
    a.heard.length = 0
    b.heard.length = 0
    return [a, b]
  }
}

interface Asked {
  readonly method: string
  readonly body: unknown
  readonly blob: Uint8Array
  readonly answer: Answer
}

/** A node that writes down, in words, everything that its links tell it. */
export class TestNode {
  readonly id: string
  readonly host: string
  readonly address: Address
  readonly links: Links
  /** In order: `connected n2`, `disconnected n2: reset`, `dial 10.0.0.2:4483 failed: refused`… */
  readonly heard: string[] = []
  readonly asked: Asked[] = []
  readonly blobs: Uint8Array[] = []
  /** Requests `hold` that nobody waits for any more. */
  letGo = 0
  verdict: (hello: Hello) => Verdict = () => ({ outcome: 'welcome' })
  hello: Hello

  constructor(
    world: LinksWorld,
    digit: number,
    options: Partial<Hello> & { limits?: Partial<LinkLimits> },
  ) {
    const { limits, ...said } = options
    this.id = said.id ?? idOf(digit)
    this.host = `10.0.0.${digit}`
    this.address = { host: this.host, port }
    this.hello = {
      protocolMin: 1,
      protocolMax: 1,
      version: '0.1.0',
      id: this.id,
      name: `n${digit}`,
      address: { host: '', port },
      incarnation: 1,
      roles: [],
      dc: 'dc1',
      busy: false,
      proof: {},
      ...said,
    }
    this.links = createLinks({
      sockets: world.network.sockets(this.host),
      clock: world.clock,
      random: seeded(`${digit} ${world.clock.now()}`),
      handlers: this.#handlers(),
      ...(limits && { limits }),
    })
    this.links.listen({ host: this.host, port })
  }

  /** Asks and writes the outcome down. */
  ask(to: string, method: string, timeout = 1000): RequestOutcome[] {
    const outcomes: RequestOutcome[] = []
    this.links.request(to, method, { from: this.hello.name }, timeout, outcome => {
      outcomes.push(outcome)
    })
    return outcomes
  }

  #letGo(answer: Answer): void {
    this.letGo++
    answer({ ok: true, body: 'for nobody' })
  }

  #handlers(): LinkHandlers {
    const note = (line: string) => void this.heard.push(line)
    return {
      failed: error => note(`failed: ${error.message}`),
      hello: () => this.hello,
      validate: hello => this.verdict(hello),
      copied: ({ name }, from) => note(`copied ${name} from ${from.host}`),
      connected: (peer, address) => note(`connected ${peer.name} at ${formatAddress(address)}`),
      disconnected: (id, why) => note(`disconnected n${id[0]}: ${why}`),
      dialFailed: (address, id, failure) => {
        const who = id === undefined ? 'seed' : `n${id[0]}`
        const reason = 'reason' in failure ? `: ${failure.reason}` : ''
        const code = failure.why === 'rejected' ? ` ${failure.code}` : ''
        note(`dial ${who} ${formatAddress(address)} failed: ${failure.why}${code}${reason}`)
      },
      raft: (from, message) => note(`raft ${message.type} ${message.term} from n${from[0]}`),
      swim: (from, message) => note(`swim ${message.type} from n${from[0]}`),
      request: (_, method, body, blob, answer, _identity, gone) => {
        this.asked.push({ method, body, blob, answer })
        if (method === 'hold') gone!().addEventListener('abort', () => this.#letGo(answer))
        if (method === 'echo') answer({ ok: true, body, blob })
      },
      notice: (from, kind, body, blob) => {
        this.blobs.push(blob)
        note(`notice ${kind} ${JSON.stringify(body)} from n${from[0]}`)
      },
      foreign: (from, why) => note(`foreign ${from.host}: ${why}`),
    }
  }
}
