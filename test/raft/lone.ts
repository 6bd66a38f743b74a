/** One raft node on a quick disk, among others that the test plays. */
import { seeded } from '../../src/base/random.ts'
import { defaults, newGroup, Raft } from '../../src/raft/raft.ts'
import type { Entry, HardState, Message, PeerId, Rank, Ready } from '../../src/raft/types.ts'

/** Entries 1, 2, … of these terms. */
export function log(...terms: number[]): Entry[] {
  return terms.map((term, i) => ({ index: i + 1, term, type: 'noop' }))
}

/** One node among others that the test plays; its disk is quick. */
export class Lone {
  readonly raft: Raft
  now = 0
  readonly committed: Entry[] = []
  /** The contexts of the reads that were served. */
  readonly reads: number[] = []

  constructor(
    voters: readonly PeerId[],
    {
      entries = log(),
      term = entries.at(-1)?.term ?? 0,
      vote = null as PeerId | null,
      commit = 0,
      seed = 1,
    } = {},
  ) {
    const hardState: HardState = { term, vote, commit }
    const initial = { hardState, snapshot: newGroup(voters).snapshot, entries, applied: 0 }
    this.raft = new Raft({ id: 'a', ...defaults }, initial, seeded(seed), 0)
    this.run()
  }

  /** Everything that it wants done is done; what it sent. */
  run(): Message[] {
    const sent: Message[] = []
    let ready: Ready | undefined
    while ((ready = this.raft.ready()) !== undefined) {
      sent.push(...ready.send, ...ready.sendAfter)
      this.committed.push(...ready.commit)
      this.reads.push(...ready.reads.map(read => read.context))
      if (ready.persist !== undefined) this.raft.advance({ persisted: ready.persist.id }, this.now)
    }
    return sent
  }

  step(message: object): Message[] {
    const usual = { from: 'b', to: 'a', term: this.raft.status().term }
    this.raft.step({ ...usual, ...message } as Message, this.now)
    return this.run()
  }

  /** The timer runs out. */
  campaign(): Message[] {
    this.now = this.raft.wakeAt()!
    this.raft.tick(this.now)
    return this.run()
  }

  /** It wins the pre-vote, and stands. */
  stand(helpers: readonly PeerId[]): Message[] {
    this.campaign()
    const term = this.raft.status().term + 1
    const sent: Message[] = []
    for (const from of helpers) {
      sent.push(...this.step({ type: 'pre-vote-response', from, term, granted: true }))
    }
    return sent
  }

  lead(helpers: readonly PeerId[]): Message[] {
    this.stand(helpers)
    return helpers.flatMap(from => this.step({ type: 'vote-response', from, granted: true }))
  }

  get rank(): Rank {
    return this.raft.status().rank
  }
}
