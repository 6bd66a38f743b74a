import type { Address } from '../../src/base/address.ts'
import { isDisbelief } from '../../src/net/security/real-proved.ts'
import type {
  Connection,
  ConnectionHandlers,
  Listener,
  ListenHandlers,
} from '../../src/net/types.ts'
import { portInUse } from './datagrams.ts'
import { type Attempt, type Papers, shakeHands } from './handshake.ts'
import type { Machine, Network } from './network.ts'
import type { Life } from './queue.ts'
import { StreamEnd } from './streams.ts'

/** Waits between the SYNs of one dial, ms. */
const dialTries = [1_000, 2_000, 4_000, 8_000] as const

/** The process that a socket is of. */
export interface Owner {
  readonly machine: Machine
  readonly life: Life
  readonly papers: Papers | undefined
}

/** A listening socket. */
export class StreamListener implements Listener {
  readonly #machine: Machine
  readonly life: Life
  readonly papers: Papers | undefined
  readonly handlers: ListenHandlers
  #port = 0

  constructor(
    network: Network,
    { machine, life, papers }: Owner,
    at: Address,
    handlers: ListenHandlers,
  ) {
    this.#machine = machine
    this.life = life
    this.papers = papers
    this.handlers = handlers
    const { simulation } = network
    const wanted = at.port || network.freePort(machine, port => machine.listeners.has(port))
    if (machine.listeners.has(wanted)) {
      simulation.after(0, () => handlers.failed(portInUse(at)), life)
      return
    }
    this.#port = wanted
    machine.listeners.set(wanted, this)
    simulation.after(
      0,
      () => {
        if (this.#port !== 0) handlers.listening({ host: at.host, port: wanted })
      },
      life,
    )
  }

  close(): void {
    if (this.#port !== 0 && this.#machine.listeners.get(this.#port) === this)
      this.#machine.listeners.delete(this.#port)
    this.#port = 0
  }
}

/** A dial: SYN, answer, and what can go wrong with both. */
export function dial(
  network: Network,
  { machine, life, papers }: Owner,
  to: Address,
  handlers: ConnectionHandlers,
): Connection {
  const { simulation } = network
  const target = network.resolve(to.host, machine)
  const remoteMachine = target === undefined || target === 'nobody' ? machine : target
  const end = new StreamEnd(network, { machine, life, remote: to, remoteMachine }, handlers)
  if (target === undefined) {
    simulation.after(1, () => end.fail('unresolved'), life)
    return end
  }

  const knock = (attempt: number): void => {
    if (end.closedHere || end.peer !== undefined || !life.alive) return
    const wait = dialTries[attempt]
    if (wait === undefined) {
      simulation.enter(life, () => end.fail('timeout'))
      return
    }
    simulation.after(wait, () => knock(attempt + 1))
    if (target === 'nobody' || network.lost(machine, target)) return
    simulation.after(network.latency(machine, target), () => {
      if (network.reaches(machine, target))
        answer(network, { machine, life, papers }, target, to.port, end)
    })
  }
  knock(0)
  return end
}

/** The SYN is there: a listener takes it, or the kernel refuses. */
function answer(
  network: Network,
  { machine: from, papers }: Owner,
  at: Machine,
  port: number,
  end: StreamEnd,
): void {
  const { simulation } = network
  if (end.closedHere || end.peer !== undefined || !end.life.alive) return
  if (!network.reaches(at, from) || network.lost(at, from)) return
  const back = network.latency(at, from)
  const listener = at.listeners.get(port)
  if (listener === undefined) {
    simulation.after(back, () => end.peer === undefined && end.fail('refused'), end.life)
    return
  }
  const remote = {
    host: from === at ? '127.0.0.1' : from.ip,
    port: network.freePort(from, () => false),
  }
  const hands = shakeHands(papers, listener.papers)
  if (hands === 'untrusted' || hands === 'foreign') {
    simulation.enter(listener.life, () =>
      listener.handlers.refused?.(remote, { why: 'no handshake' }),
    )
    simulation.after(back, () => end.peer === undefined && end.fail(hands), end.life)
    return
  }
  const ends = { machine: at, life: listener.life, remote, remoteMachine: from }
  const accepted = new StreamEnd(network, ends, nobody)
  accepted.peer = end
  end.peer = accepted
  end.proved = hands?.at(-1)?.seenByDialler
  const openAt = simulation.now + back
  accepted.open(openAt)
  simulation.enter(listener.life, () => {
    const { proved, word } = meet(listener, remote, hands)
    if (proved) end.proved = proved.seenByDialler
    if (accepted.closedHere) return
    const seen = proved?.seenByServer
    if (seen && isDisbelief(seen)) {
      if (word) accepted.write(word)
      accepted.end()
      return
    }
    accepted.proved = seen
    accepted.handlers = listener.handlers.accepted(accepted)
    accepted.handlers.opened()
  })
  simulation.at(
    openAt,
    () => {
      if (end.closedHere) return
      end.open(openAt)
      handlersOf(end).opened()
    },
    end.life,
  )
}

/** Who is hung up on without a word tries what else it can show; what is written meanwhile arrives with the last of it. */
function meet(
  { handlers }: StreamListener,
  remote: Address,
  attempts: readonly Attempt[] | undefined,
): { readonly proved?: Attempt; readonly word?: Uint8Array } {
  let proved: Attempt | undefined
  for (proved of attempts ?? []) {
    if (!isDisbelief(proved.seenByServer)) break
    const word = handlers.refused?.(remote, proved.seenByServer)
    if (word) return { proved, word }
  }
  return proved ? { proved } : {}
}

function handlersOf(end: StreamEnd): ConnectionHandlers {
  return end.handlers
}

/** Stands in until the listener has said who handles the connection. */
const nobody: ConnectionHandlers = {
  opened() {},
  received() {},
  drained() {},
  closed() {},
}
