import type { Settings } from '../sim/scenario.ts'
import { shortLogs } from '../sim/settings.ts'

/** A deliberate bug: `find`, which is in `file` exactly once, becomes `replace`. */
export interface Mutant {
  readonly name: string
  readonly file: string
  readonly find: string
  readonly replace: string
  /** It is about changes that the bare control plane of the simulator does not go through. */
  readonly whole?: boolean
  /** What every run of its trial has, so that it comes near the bug soon; a campaign's seeds have it now and then. */
  readonly focus?: Partial<Settings>
  /** The test file that fails when seeds do not find it. */
  readonly unit?: {
    readonly file: string
    /** Why seeds cannot see it, or come to it seldom. */
    readonly why: string
    /** Seeds are not even tried. */
    readonly blind?: boolean
  }
}

export const mutants: readonly Mutant[] = [
  // ---- raft
  {
    name: 'messages of old terms are taken like new ones',
    file: 'src/raft/step.ts',
    find: 'else if (message.term < core.term) answerOldTerm(core, message)\n',
    replace: '',
  },
  {
    name: 'appends are acknowledged before they are durable',
    file: 'src/raft/follower.ts',
    find: 'core.promises.push({',
    replace: 'core.outbox.push({',
  },
  {
    name: 'the leader counts its own entries before they are durable',
    file: 'src/raft/leader.ts',
    find: 'id === core.id ? disk.durable :',
    replace: 'id === core.id ? log.lastIndex :',
  },
  {
    name: 'a vote leaves before it is durable',
    file: 'src/raft/election.ts',
    find: `  core.promises.push({
    type: 'vote-response',`,
    replace: `  core.outbox.push({
    type: 'vote-response',`,
  },
  {
    name: 'a vote is given twice in a term',
    file: 'src/raft/election.ts',
    find: 'const free = core.vote === message.from || (core.vote === null && core.leader === null)',
    replace: 'const free = true',
  },
  {
    name: 'the vote is not written with the term',
    file: 'src/raft/disk.ts',
    find: '...(sworn || commit !== before.commit ? { hardState } : undefined),',
    replace:
      '...(sworn || commit !== before.commit ? { hardState: { ...hardState, vote: null } } : undefined),',
  },
  {
    name: 'a change of term is not written',
    file: 'src/raft/disk.ts',
    find: '...(sworn || commit !== before.commit ? { hardState } : undefined),',
    replace: '',
  },
  {
    name: 'votes go to logs that are behind',
    file: 'src/raft/log.ts',
    find: 'return lastIndex >= this.lastIndex',
    replace: 'return true',
  },
  {
    name: 'votes go to logs of older terms',
    file: 'src/raft/log.ts',
    find: 'if (lastTerm !== this.lastTerm) return lastTerm > this.lastTerm',
    replace: 'if (lastTerm !== this.lastTerm) return true',
    unit: {
      file: 'test/raft/paper.test.ts',
      why: 'the winner needs a tail that is longer and of an older term, and a majority of such voters',
    },
  },
  {
    name: 'learners are counted for commitment',
    file: 'src/raft/quorum.ts',
    whole: true,
    focus: { works: ['votes'], replacing: true },
    find: 'const incoming = majorityReached(config.voters, reached)',
    replace: `const counted = [...config.learners.map(reached), ...config.voters.map(reached)].sort((a, b) => b - a)
  const incoming = counted[config.voters.length >> 1] ?? Number.POSITIVE_INFINITY`,
  },
  {
    name: 'half of an even number of voters is enough',
    file: 'src/raft/quorum.ts',
    find: 'return descending[count >> 1]!',
    replace: 'return descending[(count - 1) >> 1]!',
  },
  {
    name: 'commitment needs no majority of the outgoing voters',
    file: 'src/raft/quorum.ts',
    whole: true,
    focus: { works: ['votes'], replacing: true },
    find: 'if (config.outgoing.length === 0) return incoming',
    replace: 'if (config.outgoing.length >= 0) return incoming',
  },
  {
    name: 'elections need no majority of the outgoing voters',
    file: 'src/raft/quorum.ts',
    whole: true,
    focus: { works: ['votes'], replacing: true },
    find: 'const outgoing = majorityVote(config.outgoing, ballots)',
    replace: 'const outgoing = incoming',
    unit: {
      file: 'test/raft/interaction.test.ts',
      why: 'one vote moves at a time, so both majorities nearly always agree',
    },
  },
  {
    name: 'voters change without a joint configuration',
    file: 'src/raft/config-change.ts',
    whole: true,
    find: 'if (same) return',
    replace: 'if (same || !same) return',
    unit: {
      file: 'test/raft/interaction.test.ts',
      blind: true,
      why: 'operators move one vote at a time, and majorities that differ by one voter overlap anyway',
    },
  },
  {
    name: 'who must catch up first becomes a voter at once',
    file: 'src/raft/membership.ts',
    find: 'if (!isVoter(config, id) && !isCaughtUp(core, lead, id)) {',
    replace: 'if (!isVoter(config, id) && !isCaughtUp(core, lead, id) && id === "") {',
    unit: {
      file: 'test/raft/interaction.test.ts',
      blind: true,
      why: 'safe, only slower: the new voter holds others up until it has the log',
    },
  },
  {
    name: 'a second change begins before the first is committed',
    file: 'src/raft/membership.ts',
    whole: true,
    focus: { works: ['votes'], replacing: true },
    find: 'return isJoint(core.log.config) || core.log.configIndex > core.commit',
    replace: 'return isJoint(core.log.config) && core.log.configIndex < 0',
    unit: {
      file: 'test/raft/interaction.test.ts',
      why: 'the leader asks for one change at a time of its own accord',
    },
  },
  {
    name: 'a contradicting suffix is not cut off',
    file: 'src/raft/log.ts',
    find: 'if (entry.index > this.lastIndex || !this.matches(entry.index, entry.term)) break',
    replace: 'if (entry.index > this.lastIndex) break',
  },
  {
    name: 'appends are taken whatever comes before them',
    file: 'src/raft/follower.ts',
    find: '} else if (core.log.matches(prevIndex, prevTerm)) {',
    replace: '} else if (prevIndex <= core.log.lastIndex) {',
    unit: {
      file: 'test/raft/interaction.test.ts',
      why: 'a leader that is new to a follower asks where it is before it sends anything',
    },
  },
  {
    name: 'an entry of an older term is committed by counting',
    file: 'src/raft/leader.ts',
    find: 'if (reached <= commit || log.term(reached) !== core.term) return',
    replace: 'if (reached <= commit) return',
    unit: {
      file: 'test/raft/paper.test.ts',
      why: 'it takes the five steps of the figure 8 of the paper',
    },
  },
  {
    name: 'a heartbeat commits what the follower is not known to have',
    file: 'src/raft/replication.ts',
    find: 'Math.min(peer.match, core.commit) : 0,',
    replace: 'core.commit : 0,',
  },
  {
    name: 'reads do not ask a quorum',
    file: 'src/raft/ready.ts',
    find: 'reads.confirm(round, core.readsServed)',
    replace: 'reads.confirm(Math.max(round, reads.round), core.readsServed)',
    unit: {
      file: 'test/raft/interaction.test.ts',
      why: 'a leader that was deposed has to be read in the instant before it knows',
    },
  },
  {
    name: 'a new leader serves reads before it knows what is committed',
    file: 'src/raft/raft.ts',
    find: 'if (core.commit < lead.noop) lead.reads.askEarly(context)',
    replace: 'if (core.commit < 0) lead.reads.askEarly(context)',
    unit: {
      file: 'test/raft/interaction.test.ts',
      why: 'its followers answer for the read and for its first entry in the same moment',
    },
  },
  {
    name: 'what is committed is applied before it is durable here',
    file: 'src/raft/ready.ts',
    find: 'const here = ahead ? log.lastIndex : disk.durable',
    replace: 'const here = log.lastIndex',
    unit: {
      file: 'test/raft/interaction.test.ts',
      why: 'the disk keeps a state back until its log is durable, so a crash loses nothing',
    },
  },
  {
    name: 'a cut log still counts as durable',
    file: 'src/raft/disk.ts',
    find: 'for (const batch of this.#batches) batch.claim = Math.min(batch.claim, index - 1)',
    replace: '',
    unit: {
      file: 'test/raft/interaction.test.ts',
      why: 'a suffix has to be cut while the write of it is under way',
    },
  },
  {
    name: 'a restart skips what was committed and not applied',
    file: 'src/raft/core.ts',
    find: 'this.handedOut = Math.max(applied, snapshot.index)',
    replace: 'this.handedOut = Math.max(this.commit, snapshot.index)',
  },
  {
    name: 'a snapshot tells of the first configuration, not of its own',
    file: 'src/agent/control/log-tail.ts',
    whole: true,
    focus: { works: ['votes'], replacing: true, compaction: shortLogs },
    find: 'return this.#configs.at(-1)!.config',
    replace: 'return this.#configs[0]!.config',
    unit: {
      file: 'test/agent/log-tail.test.ts',
      why: 'somebody has to take in a snapshot that is older than a change of voters, and then count for a majority of the old ones',
    },
  },
  {
    name: 'a received snapshot is not loaded into the state',
    file: 'src/agent/control/control-plane.ts',
    focus: { compaction: shortLogs },
    find: 'this.#state = savedState(this.#parts.store.installed().rows)',
    replace: 'savedState(this.#parts.store.installed().rows)',
  },
  // ---- state
  {
    name: 'retried requests are applied again',
    file: 'src/state/state.ts',
    focus: { works: ['cas'] },
    find: 'const before = request === undefined ? undefined : this.#clients.recall(request)',
    replace: 'const before = request === undefined ? undefined : undefined',
  },
  {
    name: 'a restart forgets what clients were answered',
    file: 'src/state/clients.ts',
    focus: { works: ['cas'] },
    find: 'client.outcomes.set(serial, outcome)\n    }\n  }',
    replace: 'void outcome\n    }\n  }',
  },
  {
    name: 'cas does not look at the index',
    file: 'src/state/apply/kv.ts',
    focus: { works: ['cas'] },
    find: `  if (data.cas !== undefined && data.cas !== (old?.modifyIndex ?? 0)) return changed(old, data)
  if (old !== undefined && old.flags`,
    replace: `  if (old !== undefined && old.flags`,
  },
  {
    name: 'who leaves leaves no tombstone',
    file: 'src/state/apply/admission.ts',
    focus: { works: ['removals'], secured: true },
    find: '  parts.tombstones.set(id, tombstone)\n',
    replace: '  void tombstone\n',
  },
  {
    name: 'tombstones are collected and the epoch stays',
    file: 'src/state/apply/epoch.ts',
    focus: { works: ['removals', 'epochs'] },
    find: 'begin(parts, at, { ...cluster, epoch, horizon: Math.max(cluster.horizon ?? 0, through) })',
    replace: 'begin(parts, at, { ...cluster, horizon: Math.max(cluster.horizon ?? 0, through) })',
  },
  {
    name: 'the meta version does not rise with the voters',
    file: 'src/state/apply/control.ts',
    find: 'if (old === undefined || !same(old.voters, voters)) raiseMetaVersion(parts)',
    replace: 'if (old === undefined) raiseMetaVersion(parts)',
  },
  {
    name: 'a join of an earlier boot is accepted',
    file: 'src/state/apply/admission.ts',
    focus: { works: ['removals'], secured: true, ambushes: true },
    find: '  if (comesLate(parts, node)) return late(node)',
    replace: '  if (comesLate(parts, node) && node.name === "") return late(node)',
    unit: {
      file: 'test/state/conversations.test.ts',
      why: 'the join has to be retried for longer than a restart takes',
    },
  },
  {
    name: 'two nodes may have one name',
    file: 'src/state/apply/admission.ts',
    find: 'if (holder !== undefined && holder.id !== node.id) {',
    replace: 'if (holder !== undefined && holder.id === "") {',
    unit: {
      file: 'test/state/conversations.test.ts',
      blind: true,
      why: 'no two machines of a run have the same name: the first validation would not let them meet',
    },
  },
  {
    name: 'a word of being ready counts after a restart',
    file: 'src/state/apply/health.ts',
    find: `EventData['NodeReady'], at: At): Ruling {
  const node = parts.nodes.get(data.id)
  if (node === undefined) return unknownNode(parts, data.id)
  if (data.incarnation < node.incarnation) {`,
    replace: `EventData['NodeReady'], at: At): Ruling {
  const node = parts.nodes.get(data.id)
  if (node === undefined) return unknownNode(parts, data.id)
  if (data.incarnation < 0) {`,
    unit: {
      file: 'test/state/conversations.test.ts',
      why: 'the node is ready a moment later anyway',
    },
  },
  {
    name: 'a deleted key runs its index backwards',
    file: 'src/state/kv.ts',
    find: 'this.#changed.set(key, null)\n    this.#bury(key, index)',
    replace: 'this.#changed.set(key, null)',
    unit: {
      file: 'test/state/kv.test.ts',
      why: 'clients of the simulator read a deleted key by its value',
    },
  },
  // ---- the agent and its rules
  {
    name: 'a node is let in before that is agreed',
    file: 'src/agent/desk/join.ts',
    find: `      return plane.propose({ type: 'NodeAdmitted', data, actor }, outcome =>
        outcome.ok ? digest(plane, id, answer, request) : answer(outcomeOf(outcome)),
      )`,
    replace: `      plane.propose({ type: 'NodeAdmitted', data, actor }, () => {})
      return digest(plane, id, answer, request)`,
  },
  {
    name: 'one accuser is enough for a verdict of failure',
    file: 'src/cluster/failure.ts',
    find: ': well.length >= needed && needed >= 2',
    replace: ': well.length >= 1 && needed >= 1',
    unit: {
      file: 'test/cluster-rules/failure.test.ts',
      why: 'who is accused by one in the simulator is soon accused by two',
    },
  },
  {
    name: 'accusations outlive the return of the accused',
    file: 'src/cluster/failure.ts',
    find: 'for (const [id, a] of accusers) if (a.incarnation < incarnation) accusers.delete(id)',
    replace: '',
    unit: {
      file: 'test/cluster-rules/failure.test.ts',
      why: 'the leader hears withdrawals as well',
    },
  },
  {
    name: 'a second init is prepared beside the first',
    file: 'src/agent/entrance/candidate.ts',
    focus: { race: true, earlyTrouble: false },
    find: 'if (group && group.tag !== tag)\n      return refusal(',
    replace: 'if (group && group.tag === "")\n      return refusal(',
  },
  {
    name: 'a cancelled init stays prepared',
    file: 'src/agent/entrance/candidate.ts',
    focus: { race: true, earlyTrouble: false },
    find: 'self.note({ group: undefined, abandoned })\n    this.#parts.dropGroup()',
    replace: '',
  },
  {
    name: 'an init starts though somebody objected',
    file: 'src/agent/entrance/initiation.ts',
    focus: { race: true, earlyTrouble: false },
    find: 'if (complaints.length > 0) return this.#cancel(tag, voters, complaints, done)',
    replace:
      'if (complaints.length > voters.length / 2) return this.#cancel(tag, voters, complaints, done)',
  },
  {
    name: 'held reads are not woken',
    file: 'src/agent/desk/held-reads.ts',
    find: '    this.#look(state, key, false)\n    if (this.#prefixes',
    replace: '    if (this.#prefixes',
  },
  {
    name: 'held reads are woken by writes that change nothing',
    file: 'src/agent/desk/held-reads.ts',
    find: 'if (index > after) wake()',
    replace: 'wake()',
  },
  {
    name: 'nodes of another history are let in',
    file: 'src/cluster/first-validation.ts',
    focus: { ending: 'rescue' },
    find: 'if (lineageOf(ours) !== lineageOf(theirs)) return partedWays(self, ours, peer, theirs)',
    replace: '',
    unit: {
      file: 'test/cluster-rules/first-validation.test.ts',
      why: 'who was lost comes home by itself nearly always',
    },
  },
  {
    name: 'who missed forgotten deletions is let in',
    file: 'src/cluster/first-validation.ts',
    focus: { works: ['removals', 'epochs'], ambushes: true },
    find: 'return theirs.epoch < ours.epoch && (theirs.seen ?? 0) < ours.horizon',
    replace: 'return theirs.epoch < ours.epoch && (theirs.seen ?? 0) < 0',
    unit: {
      file: 'test/cluster-rules/first-validation.test.ts',
      why: 'deletions have to be forgotten in the very minute in which a node is away',
    },
  },
  {
    name: "a removed node's certificate is accepted",
    file: 'src/agent/trust/passports.ts',
    focus: { works: ['removals'], secured: true },
    find: 'if (state?.cluster) return state.nodes.get(id)\n',
    replace: "if (state?.cluster) return state.nodes.get(id) ?? { name: 'removed' }\n",
    unit: {
      file: 'test/sim/strangers.test.ts',
      why: 'who was removed is refused by other rules as well',
    },
  },
  {
    name: 'a gossip key is used before everybody has it',
    file: 'src/agent/trust/trust-steward.ts',
    focus: { works: ['rotations'], secured: true },
    find: 'if (this.#holdings.everybody(plane, h => h.gossip.has(newest.id))) {',
    replace: 'if (newest.id >= 0) {',
    unit: {
      file: 'test/sim/trust.test.ts',
      why: 'whoever lacks the key is told of it a moment later',
    },
  },
  {
    name: 'a gossip key is dropped while it is in use',
    file: 'src/agent/trust/trust-steward.ts',
    focus: { works: ['rotations'], secured: true },
    find: 'if (!this.#holdings.everybody(plane, h => h.primary === primary)) {',
    replace: 'if (newest.id < 0) {',
    unit: {
      file: 'test/sim/trust.test.ts',
      why: 'a node has to miss the change for as long as the last packets of the old key are waited for',
    },
  },
  // ---- gossip
  {
    name: 'a suspicion is not refuted',
    file: 'src/swim/beliefs.ts',
    find: 'this.#health.change(1)\n      this.#self.restate(incarnation)',
    replace: 'this.#health.change(1)',
  },
  {
    name: 'verdicts that come by gossip are dropped',
    file: 'src/swim/beliefs.ts',
    find: 'if (!peer || incarnation < peer.incarnation || incarnation <= peer.pardoned) return',
    replace: 'if (!peer || incarnation >= 0) return',
    unit: {
      file: 'test/swim/beliefs.test.ts',
      blind: true,
      why: 'every node learns the same from the log or its digest, only later',
    },
  },
  {
    name: 'old gossip brings back who has left',
    file: 'src/swim/beliefs.ts',
    find: "if (sentence.verdict === 'left' || info.incarnation <= sentence.incarnation) return",
    replace: '',
    unit: {
      file: 'test/swim/conversations.test.ts',
      why: 'the log says again who has left',
    },
  },
]
