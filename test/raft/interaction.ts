/**
 * Conversations with raft nodes, as text: commands in, what the nodes said and did out. Nothing
 * happens by itself: messages wait until they are delivered, batches until they are persisted, time
 * until it is told to pass. `interaction.test.ts` lists the commands.
 */
import { assert } from '../../src/base/errors.ts'
import { utf8 } from '../../src/base/utf8.ts'
import { defaults, newGroup } from '../../src/raft/raft.ts'
import type { Message, PeerId } from '../../src/raft/types.ts'
import { ManualNode } from './manual-node.ts'
import { showMessage, showReady } from './show.ts'
import { SimulatedDisk } from './simulated-node.ts'
import { type Choice, Wires } from './wires.ts'

type Options = ReadonlyMap<string, string>
type Command = (args: string[], options: Options) => void

/** Rounds in which a cluster must come to rest, and readies in a row that a node may have. */
const enough = 200

export class Interaction {
  readonly #nodes = new Map<PeerId, ManualNode>()
  readonly #wires = new Wires()
  #now = 0
  #out: string[] = []

  /** Runs one line of a conversation; what was said. */
  run(line: string): string {
    const [name = '', ...words] = line.trim().split(/\s+/)
    const options = new Map<string, string>()
    const args: string[] = []
    for (const word of words) {
      const at = word.indexOf('=')
      if (at > 0) options.set(word.slice(0, at), word.slice(at + 1))
      else args.push(word)
    }
    const command = this.#commands[name]
    assert(command !== undefined, `no command ${name}`)
    this.#out = []
    command(args, options)
    const quiet = this.#out.length === 0 || options.get('log') === 'none'
    return quiet ? 'ok' : this.#out.join('\n')
  }

  readonly #commands: Record<string, Command> = {
    'add-nodes': ([count = '3'], options) => {
      const voters = Array.from({ length: Number(count) }, (_, i) => String(i + 1))
      for (const id of voters) this.#add(id, voters, options)
    },
    'add-joiner': ([id = ''], options) => this.#add(id, [], options),
    campaign: ([id = '']) => this.#campaign(id),
    propose: ([id = '', ...texts]) => {
      const result = this.#node(id).raft.propose(texts.map(utf8), this.#now)
      this.#say(result.ok ? `${result.first}/${result.term}` : `refused: ${result.why}`)
    },
    change: ([id = ''], options) => this.#change(id, options),
    transfer: ([id = '', to = '']) => {
      if (!this.#node(id).raft.transferLeadership(to, this.#now)) this.#say('refused')
    },
    'read-index': ([id = '', context = '0']) => {
      if (!this.#node(id).raft.readIndex(Number(context), this.#now)) this.#say('refused')
    },
    suspect: ([id = '']) => this.#node(id).raft.suspectLeader(this.#now),
    rescue: ([id = '', lineage = '0']) => {
      if (!this.#node(id).raft.rescue(Number(lineage), this.#now)) this.#say('refused')
    },
    'step-down': ([id = '']) => this.#node(id).raft.stepDown(this.#now),
    ready: ids => this.#each(ids, node => this.#ready(node)),
    persist: ids => this.#each(ids, node => this.#persist(node)),
    deliver: (ids, options) => this.#deliver(choice(ids, options)),
    drop: (ids, options) => {
      for (const message of this.#wires.take(choice(ids, options))) {
        this.#say(`${showMessage(message)} (dropped)`)
      }
    },
    partition: ids => this.#wires.partition(ids, [...this.#nodes.keys()]),
    heal: () => this.#wires.heal(),
    stabilize: ids => this.#stabilize(ids),
    advance: ([ms = '0']) => {
      this.#now += Number(ms)
    },
    tick: ids => this.#each(ids, node => node.raft.tick(this.#now)),
    elapse: ([ms = '0', ...ids]) => this.#elapse(Number(ms), ids),
    crash: ([id = '']) => this.#node(id).crash(),
    restart: ([id = '']) => this.#node(id).start(this.#now),
    compact: ([id = '', index = '0']) => this.#node(id).compact(Number(index)),
    'send-snapshot': ([id = '', to = ''], options) => this.#sendSnapshot(id, to, options),
    status: ids => this.#each(ids, node => this.#say(...node.showStatus())),
    log: ids => this.#each(ids, node => this.#say(node.showLog())),
    network: () => this.#say(...this.#wires.messages.map(showMessage)),
    raise: ([id = '', term = '0']) => {
      const { disk } = this.#node(id)
      disk.hardState = { ...disk.hardState, term: Number(term), vote: null }
    },
  }

  #add(id: PeerId, voters: readonly PeerId[], options: Options): void {
    const number = (key: string, usual: number) => Number(options.get(key) ?? usual)
    const config = {
      ...defaults,
      id,
      maxAppendBytes: number('bytes', defaults.maxAppendBytes),
      maxInflight: number('inflight', defaults.maxInflight),
      maxUncommittedBytes: number('uncommitted', defaults.maxUncommittedBytes),
      commitDelay: number('commit-delay', 0),
    }
    const { snapshot, hardState } = newGroup(voters, number('lineage', 0))
    const disk = new SimulatedDisk(snapshot, hardState)
    this.#nodes.set(id, new ManualNode(config, disk, this.#now))
  }

  /** Lets the node's own timer run out, and nobody else's; one that went off late goes off twice. */
  #campaign(id: PeerId): void {
    const { raft } = this.#node(id)
    const before = raft.status().rank
    for (let i = 0; i < 2; i++) {
      const due = raft.wakeAt()
      assert(due !== undefined, `${id} never campaigns`)
      this.#now = Math.max(this.#now, due)
      raft.tick(this.#now)
      if (raft.status().rank !== before) return
    }
  }

  #change(id: PeerId, options: Options): void {
    const list = (key: string) => (options.get(key) ?? '').split(',').filter(Boolean)
    const change = { voters: list('voters'), learners: list('learners') }
    const result = this.#node(id).raft.changeConfig(change, this.#now)
    this.#say(result.ok ? `${result.index}/${result.term}` : `refused: ${result.why}`)
  }

  /** Whether there was something. */
  #ready(node: ManualNode): boolean {
    const ready = node.ready(this.#now)
    if (ready === undefined) return false
    this.#say(`${node.id} ready:`, ...showReady(ready).map(line => `  ${line}`))
    this.#wires.send(ready.send)
    return true
  }

  /** Whether there was a batch. */
  #persist(node: ManualNode): boolean {
    const done = node.persist(this.#now)
    if (done === undefined) return false
    const { id, messages } = done
    const leaving = messages.length === 0 ? '' : `, ${messages.length} to send`
    this.#say(`${node.id} has persisted #${id}${leaving}`)
    this.#wires.send(messages)
    return true
  }

  /** Whether there was a message. */
  #deliver(chosen: Choice): boolean {
    const taken = this.#wires.take(chosen)
    for (const message of taken) this.#hand(message)
    return taken.length > 0
  }

  #hand(message: Message): void {
    const lost = this.#wires.isCut(message)
    this.#say(`${showMessage(message)}${lost ? ' (lost)' : ''}`)
    const node = this.#node(message.to)
    if (!lost && node.isUp) node.raft.step(message, this.#now)
  }

  /** Everything that can happen at this moment happens, until nothing does; time stands still. */
  #stabilize(ids: readonly string[]): void {
    const to = this.#chosen(ids)
    for (let round = 0; ; round++) {
      assert(round < enough, 'the nodes never come to rest')
      let busy = false
      for (const id of to) if (this.#exhaust(this.#node(id))) busy = true
      if (this.#deliver({ to })) busy = true
      if (!busy) return
    }
  }

  #exhaust(node: ManualNode): boolean {
    let turns = 0
    while (this.#ready(node)) assert(++turns < enough, `${node.id} never comes to rest`)
    while (this.#persist(node)) turns++
    return turns > 0
  }

  /** Time passes in steps of 5 ms; the nodes named (everybody) tick when they want to, and settle. */
  #elapse(ms: number, ids: readonly string[]): void {
    const end = this.#now + ms
    while (this.#now < end) {
      this.#now = Math.min(end, this.#now + 5)
      this.#each(ids, node => {
        const due = node.isUp ? node.raft.wakeAt() : undefined
        if (due !== undefined && due <= this.#now) node.raft.tick(this.#now)
      })
      this.#stabilize(ids)
    }
  }

  /** The driver sends a snapshot of what is applied; `ok=false`: it cannot. */
  #sendSnapshot(id: PeerId, to: PeerId, options: Options): void {
    const node = this.#node(id)
    const ok = options.get('ok') !== 'false'
    const message = node.raft.snapshotMessage(to, node.snapshot())
    if (ok && message !== undefined) this.#wires.send([message])
    node.raft.snapshotSent(to, ok, this.#now)
  }

  #chosen(ids: readonly string[]): readonly string[] {
    return ids.length === 0 ? [...this.#nodes.keys()] : ids
  }

  #each(ids: readonly string[], act: (node: ManualNode) => unknown): void {
    for (const id of this.#chosen(ids)) act(this.#node(id))
  }

  #node(id: PeerId): ManualNode {
    const node = this.#nodes.get(id)
    assert(node !== undefined, `no node ${id}`)
    return node
  }

  #say(...lines: string[]): void {
    this.#out.push(...lines)
  }
}

function choice(to: readonly string[], options: Options): Choice {
  const count = Number(options.get('count') ?? Number.POSITIVE_INFINITY)
  return { to, from: options.get('from'), type: options.get('type'), count }
}
