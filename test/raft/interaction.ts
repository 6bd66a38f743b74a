/**
 * Conversations with raft nodes, as text: commands in, what the nodes said and did out. Nothing
 * happens by itself: messages wait until they are delivered, batches until they are persisted, time
 * until it is told to pass. `interaction.test.ts` lists the commands.
 */
import { assert } from '../../src/base/errors.ts'
import { seeded } from '../../src/base/random.ts'
import { utf8 } from '../../src/base/utf8.ts'
import { defaults, newGroup, Raft } from '../../src/raft/raft.ts'
import type {
  Configuration,
  Entry,
  Initial,
  Message,
  PeerId,
  RaftConfig,
} from '../../src/raft/types.ts'
import { showConfig, showEntry, showMessage, showReady } from './show.ts'
import { SimulatedDisk } from './simulated-node.ts'

interface Member {
  readonly config: RaftConfig
  readonly disk: SimulatedDisk
  raft: Raft | undefined
  applied: number
  configuration: Configuration
}

type Command = (args: string[], options: Map<string, string>) => void

export class Interaction {
  readonly #members = new Map<PeerId, Member>()
  /** Messages under way, in the order in which they left. */
  #network: Message[] = []
  /** Links that drop everything: `from>to`. */
  readonly #cut = new Set<string>()
  #now = 0
  #out: string[] = []
  #quiet = false

  /** Runs one line of a conversation; what was said. */
  run(line: string): string {
    const words = line.trim().split(/\s+/)
    const name = words[0] ?? ''
    const options = new Map<string, string>()
    const args: string[] = []
    for (const word of words.slice(1)) {
      const at = word.indexOf('=')
      if (at > 0) options.set(word.slice(0, at), word.slice(at + 1))
      else args.push(word)
    }
    this.#out = []
    this.#quiet = options.get('log') === 'none'
    const command = this.#commands[name]
    assert(command !== undefined, `no command ${name}`)
    command(args, options)
    return this.#out.length === 0 ? 'ok' : this.#out.join('\n')
  }

  readonly #commands: Record<string, Command> = {
    'add-nodes': ([count = '3'], options) => this.#addNodes(Number(count), options),
    'add-joiner': ([id = ''], options) => this.#addNode(id, [], options),
    campaign: ([id = '']) => this.#campaign(id),
    propose: ([id = '', ...texts]) => {
      const result = this.#raft(id).propose(texts.map(utf8), this.#now)
      this.#say(result.ok ? `${result.first}/${result.term}` : `refused: ${result.why}`)
    },
    change: ([id = ''], options) => this.#change(id, options),
    transfer: ([id = '', to = '']) => {
      if (!this.#raft(id).transferLeadership(to, this.#now)) this.#say('refused')
    },
    'read-index': ([id = '', context = '0']) => {
      if (!this.#raft(id).readIndex(Number(context), this.#now)) this.#say('refused')
    },
    suspect: ([id = '']) => this.#raft(id).suspectLeader(this.#now),
    'step-down': ([id = '']) => this.#raft(id).stepDown(this.#now),
    ready: ids => this.#each(ids, id => this.#ready(id)),
    persist: ids => this.#each(ids, id => this.#persist(id)),
    deliver: (ids, options) => this.#deliver(ids, options),
    drop: (ids, options) => this.#drop(ids, options),
    partition: ids => this.#partition(ids),
    heal: () => this.#cut.clear(),
    stabilize: ids => this.#stabilize(ids),
    advance: ([ms = '0']) => {
      this.#now += Number(ms)
    },
    tick: ids => this.#each(ids, id => this.#raft(id).tick(this.#now)),
    elapse: ([ms = '0', ...ids]) => this.#elapse(Number(ms), ids),
    crash: ([id = '']) => {
      const member = this.#member(id)
      member.raft = undefined
      member.disk.pending.length = 0
    },
    restart: ([id = '']) => this.#start(this.#member(id)),
    compact: ([id = '', index = '0']) => this.#compact(id, Number(index)),
    'send-snapshot': ([id = '', to = ''], options) => this.#sendSnapshot(id, to, options),
    status: ids => this.#each(ids, id => this.#status(id)),
    log: ids => this.#each(ids, id => this.#log(id)),
    network: () => {
      for (const message of this.#network) this.#say(showMessage(message))
    },
    raise: ([id = '', term = '0']) => {
      // An operator's trick of a test: the node has seen a later term.
      const { disk } = this.#member(id)
      disk.hardState = { ...disk.hardState, term: Number(term), vote: null }
    },
  }

  #addNodes(count: number, options: Map<string, string>): void {
    const voters = Array.from({ length: count }, (_, i) => String(i + 1))
    for (const id of voters) this.#addNode(id, voters, options)
  }

  #addNode(id: PeerId, voters: readonly PeerId[], options: Map<string, string>): void {
    const { snapshot, hardState } = newGroup(voters)
    const number = (key: string, usual: number) => Number(options.get(key) ?? usual)
    const config = {
      id,
      heartbeat: defaults.heartbeat,
      electionTimeout: defaults.electionTimeout,
      maxAppendBytes: number('bytes', defaults.maxAppendBytes),
      maxInflight: number('inflight', defaults.maxInflight),
      maxUncommittedBytes: number('uncommitted', defaults.maxUncommittedBytes),
    }
    const disk = new SimulatedDisk(snapshot, hardState)
    const member = { config, disk, raft: undefined, applied: 0, configuration: snapshot.config }
    this.#members.set(id, member)
    this.#start(member)
  }

  #start(member: Member): void {
    const initial: Initial = member.disk.load()
    member.applied = initial.applied
    member.configuration = member.disk.saved.config
    const random = seeded(`node ${member.config.id}`)
    member.raft = new Raft(member.config, initial, random, this.#now)
  }

  /** Lets the node's own timer run out, and nobody else's; one that went off late goes off twice. */
  #campaign(id: PeerId): void {
    const raft = this.#raft(id)
    const before = raft.status().rank
    for (let i = 0; i < 2; i++) {
      const due = raft.wakeAt()
      assert(due !== undefined, `${id} never campaigns`)
      this.#now = Math.max(this.#now, due)
      raft.tick(this.#now)
      if (raft.status().rank !== before) return
    }
  }

  #change(id: PeerId, options: Map<string, string>): void {
    const list = (key: string) => (options.get(key) ?? '').split(',').filter(Boolean)
    const result = this.#raft(id).changeConfig(
      { voters: list('voters'), learners: list('learners') },
      this.#now,
    )
    this.#say(result.ok ? `${result.index}/${result.term}` : `refused: ${result.why}`)
  }

  /** Takes one `ready`; its batch waits for `persist`. Whether there was one. */
  #ready(id: PeerId): boolean {
    const member = this.#member(id)
    const ready = member.raft?.ready()
    if (ready === undefined) return false
    this.#say(`${id} ready:`)
    for (const line of showReady(ready)) this.#say(`  ${line}`)
    for (const message of ready.send) this.#network.push(message)
    if (ready.persist !== undefined) {
      member.disk.pending.push({ batch: ready.persist, sendAfter: ready.sendAfter })
    }
    const last = ready.commit.at(-1)
    if (last !== undefined) {
      this.#apply(member, ready.commit)
      member.raft!.advance({ applied: last.index }, this.#now)
    }
    return true
  }

  #apply(member: Member, entries: readonly Entry[]): void {
    for (const entry of entries) {
      assert(entry.index === member.applied + 1, `applied ${entry.index} after ${member.applied}`)
      member.applied = entry.index
      if (entry.type === 'config') member.configuration = entry.config
    }
  }

  /** The oldest batch under way becomes durable. Whether there was one. */
  #persist(id: PeerId): boolean {
    const member = this.#member(id)
    if (member.disk.pending.length === 0) return false
    const { batch, sendAfter } = member.disk.writeOne()
    if (batch.snapshot !== undefined) {
      member.applied = batch.snapshot.index
      member.configuration = batch.snapshot.config
    }
    const leaving = sendAfter.length === 0 ? '' : `, ${sendAfter.length} to send`
    this.#say(`${id} has persisted #${batch.id}${leaving}`)
    for (const message of sendAfter) this.#network.push(message)
    member.raft?.advance({ persisted: batch.id }, this.#now)
    return true
  }

  /** Delivers the messages to `ids` (everybody), optionally only of one type or from one node. */
  #deliver(ids: readonly string[], options: Map<string, string>): boolean {
    const taken = this.#take(ids, options)
    for (const message of taken) {
      const lost = this.#cut.has(`${message.from}>${message.to}`)
      this.#say(`${showMessage(message)}${lost ? ' (lost)' : ''}`)
      if (!lost) this.#member(message.to).raft?.step(message, this.#now)
    }
    return taken.length > 0
  }

  #drop(ids: readonly string[], options: Map<string, string>): void {
    for (const message of this.#take(ids, options)) this.#say(`${showMessage(message)} (dropped)`)
  }

  #take(ids: readonly string[], options: Map<string, string>): Message[] {
    const chosen = (message: Message) =>
      (ids.length === 0 || ids.includes(message.to)) &&
      (options.get('type') ?? message.type) === message.type &&
      (options.get('from') ?? message.from) === message.from
    let left = Number(options.get('count') ?? Number.POSITIVE_INFINITY)
    const taken: Message[] = []
    this.#network = this.#network.filter(message => {
      if (!chosen(message) || left <= 0) return true
      left--
      taken.push(message)
      return false
    })
    return taken
  }

  /** The nodes named hear only each other, and so do the rest. */
  #partition(ids: readonly string[]): void {
    for (const a of this.#members.keys()) {
      for (const b of this.#members.keys()) {
        if (ids.includes(a) !== ids.includes(b)) this.#cut.add(`${a}>${b}`)
      }
    }
  }

  /** Everything that can happen at this moment happens, until nothing does; time stands still. */
  #stabilize(ids: readonly string[]): void {
    const chosen = ids.length === 0 ? [...this.#members.keys()] : ids
    for (let round = 0; ; round++) {
      assert(round < 200, 'it never comes to rest')
      let busy = false
      for (const id of chosen) {
        while (this.#ready(id)) busy = true
        while (this.#persist(id)) busy = true
      }
      if (this.#deliver(chosen, new Map())) busy = true
      if (!busy) return
    }
  }

  /** Time passes in steps of 5 ms; the nodes named (everybody) tick when they want to, and settle. */
  #elapse(ms: number, ids: readonly string[]): void {
    const chosen = ids.length === 0 ? [...this.#members.keys()] : ids
    const end = this.#now + ms
    while (this.#now < end) {
      this.#now = Math.min(end, this.#now + 5)
      for (const id of chosen) {
        const raft = this.#member(id).raft
        const due = raft?.wakeAt()
        if (due !== undefined && due <= this.#now) raft!.tick(this.#now)
      }
      this.#stabilize(chosen)
    }
  }

  #compact(id: PeerId, index: number): void {
    const { disk, raft } = this.#member(id)
    const meta = this.#metaAt(id, index)
    disk.entries.splice(0, index - disk.snapshot.index)
    disk.snapshot = meta
    if (disk.saved.index < index) disk.saved = meta
    raft?.compacted(meta)
  }

  #metaAt(id: PeerId, index: number): { index: number; term: number; config: Configuration } {
    const { disk } = this.#member(id)
    const entry = disk.at(index)
    assert(entry !== undefined, `${id} has no entry ${index} on disk`)
    const last = disk.entries.findLast(e => e.index <= index && e.type === 'config')
    const config = last?.type === 'config' ? last.config : disk.snapshot.config
    return { index, term: entry.term, config }
  }

  /** The driver sends a snapshot of what is applied; `ok=false`: it cannot. */
  #sendSnapshot(id: PeerId, to: PeerId, options: Map<string, string>): void {
    const member = this.#member(id)
    const ok = options.get('ok') !== 'false'
    const { applied, disk } = member
    const meta = applied === disk.snapshot.index ? disk.snapshot : this.#metaAt(id, applied)
    const message = this.#raft(id).snapshotMessage(to, meta)
    if (ok && message !== undefined) this.#network.push(message)
    this.#raft(id).snapshotSent(to, ok, this.#now)
  }

  #status(id: PeerId): void {
    const raft = this.#member(id).raft
    if (raft === undefined) {
      this.#say(`${id} is down`)
      return
    }
    const { rank, term, vote, leader, commit, applied, lastIndex, config, progress } = raft.status()
    this.#say(
      `${id} ${rank} term=${term} vote=${vote ?? '-'} leader=${leader ?? '-'} ` +
        `applied=${applied} commit=${commit} last=${lastIndex} ${showConfig(config)}`,
    )
    for (const peer of progress) {
      const tags = [peer.recentlyActive ? '' : ' inactive', peer.learner ? ' learner' : ''].join('')
      this.#say(`  ${peer.id}: ${peer.state} match=${peer.match} next=${peer.next}${tags}`)
    }
  }

  #log(id: PeerId): void {
    const raft = this.#raft(id)
    const { firstIndex, lastIndex } = raft.status()
    const entries = raft.entries(firstIndex, lastIndex).map(showEntry)
    this.#say(`${id} from ${firstIndex}: ${entries.join(' ')}`)
  }

  #each(ids: readonly string[], act: (id: PeerId) => unknown): void {
    for (const id of ids.length === 0 ? [...this.#members.keys()] : ids) act(id)
  }

  #member(id: PeerId): Member {
    const member = this.#members.get(id)
    assert(member !== undefined, `no node ${id}`)
    return member
  }

  #raft(id: PeerId): Raft {
    const { raft } = this.#member(id)
    assert(raft !== undefined, `${id} is down`)
    return raft
  }

  #say(line: string): void {
    if (!this.#quiet) this.#out.push(line)
  }
}
