import type { Address } from '../../src/base/address.ts'
import { OperatorError } from '../../src/base/errors.ts'
import type { DatagramHandlers, DatagramSocket } from '../../src/net/types.ts'
import type { Machine, Network } from './network.ts'
import type { Life } from './queue.ts'

/** Datagrams that a kernel keeps for a process that does not read: about 200 KiB of small ones. */
const receiveQueue = 256

/** UDP: a packet is lost, late, doubled or overtaken as the weather has it. */
export class DatagramEnd implements DatagramSocket {
  readonly #network: Network
  readonly #machine: Machine
  readonly life: Life
  readonly #handlers: DatagramHandlers
  #port = 0
  #open = false
  #unread = 0

  constructor(
    network: Network,
    machine: Machine,
    life: Life,
    at: Address,
    handlers: DatagramHandlers,
  ) {
    this.#network = network
    this.#machine = machine
    this.life = life
    this.#handlers = handlers
    const { simulation } = network
    const wanted = at.port || network.freePort(machine, port => machine.datagrams.has(port))
    if (machine.datagrams.has(wanted)) {
      simulation.after(0, () => handlers.failed(portInUse(at)), life)
      return
    }
    this.#port = wanted
    this.#open = true
    machine.datagrams.set(wanted, this)
    simulation.after(
      0,
      () => {
        if (this.#open) handlers.bound({ host: at.host, port: wanted })
      },
      life,
    )
  }

  send(to: Address, bytes: Uint8Array): void {
    if (!this.#open || !this.life.alive) return
    const network = this.#network
    network.simulation.trace.mixBytes(bytes)
    const target = network.resolve(to.host, this.#machine)
    if (target === undefined || target === 'nobody') return
    const { weather, dice } = network
    const copies = weather.duplicate > 0 && dice.next() < weather.duplicate ? 2 : 1
    // The kernel copies at the call; so the sender may reuse its buffer.
    const packet = new Uint8Array(bytes)
    for (let i = 0; i < copies; i++) {
      if (network.lost(this.#machine, target)) continue
      let delay = network.latency(this.#machine, target)
      if (weather.reorder > 0 && dice.next() < weather.reorder)
        delay += dice.next() * weather.reorderBy
      network.simulation.after(delay, () => this.#arrive(target, to.port, packet))
    }
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#machine.datagrams.delete(this.#port)
  }

  #arrive(target: Machine, port: number, packet: Uint8Array): void {
    if (!this.#network.reaches(this.#machine, target)) return
    const from = {
      host: target === this.#machine ? '127.0.0.1' : this.#machine.ip,
      port: this.#port,
    }
    target.datagrams.get(port)?.deliver(from, packet)
  }

  /** A packet reached this socket's kernel. */
  deliver(from: Address, packet: Uint8Array): void {
    if (!this.#open || this.#unread >= receiveQueue) return
    this.#unread++
    this.#network.simulation.enter(this.life, () => {
      this.#unread--
      if (this.#open) this.#handlers.received(from, packet)
    })
  }
}

export function portInUse(at: Address): OperatorError {
  return new OperatorError(
    'PORT_IN_USE',
    `${at.host}:${at.port} is in use`,
    'choose another address',
  )
}
