import type { Address } from '../../src/base/address.ts'
import type {
  Connection,
  ConnectionHandlers,
  DatagramHandlers,
  DatagramSocket,
  Listener,
  ListenHandlers,
  Sockets,
} from '../../src/net/types.ts'
import { DatagramEnd } from './datagrams.ts'
import { dial, StreamListener } from './dialling.ts'
import type { Papers } from './handshake.ts'
import type { Machine, Network } from './network.ts'
import type { Life } from './queue.ts'

/** The sockets of one process on one machine. */
export class SimulatedSockets implements Sockets {
  readonly #network: Network
  readonly #machine: Machine
  readonly #life: Life
  readonly #papers: Papers | undefined

  /** Without papers, connections prove nothing. */
  constructor(network: Network, machine: Machine, life: Life, papers?: Papers) {
    this.#network = network
    this.#machine = machine
    this.#life = life
    this.#papers = papers
  }

  bindDatagram(at: Address, handlers: DatagramHandlers): DatagramSocket {
    return new DatagramEnd(this.#network, this.#machine, this.#life, at, handlers)
  }

  listen(at: Address, handlers: ListenHandlers): Listener {
    return new StreamListener(
      this.#network,
      { machine: this.#machine, life: this.#life, papers: this.#papers },
      at,
      handlers,
    )
  }

  dial(to: Address, handlers: ConnectionHandlers): Connection {
    const from = { machine: this.#machine, life: this.#life, papers: this.#papers }
    return dial(this.#network, from, to, handlers)
  }

  /** The process is gone: what it had open goes with it. `silent`: so is the machine's power. */
  vanish(how: 'fin' | 'reset' | 'silent'): void {
    for (const stream of [...this.#machine.streams]) {
      if (stream.life === this.#life) stream.vanish(how)
    }
    for (const [port, listener] of this.#machine.listeners) {
      if (listener.life === this.#life) this.#machine.listeners.delete(port)
    }
    for (const end of [...this.#machine.datagrams.values()])
      if (end.life === this.#life) end.close()
  }
}
