/** Raft's words, short enough to be read in a conversation. */
import { fromUtf8 } from '../../src/base/utf8.ts'
import type { Configuration, Entry, Message, Ready } from '../../src/raft/types.ts'

export function showConfig(config: Configuration): string {
  const { voters, outgoing, learners, learnersNext } = config
  const parts = [`(${voters.join(' ')})`]
  if (outgoing.length > 0) parts.push(`&& (${outgoing.join(' ')})`)
  if (learners.length > 0) parts.push(`learners=(${learners.join(' ')})`)
  if (learnersNext.length > 0) parts.push(`learnersNext=(${learnersNext.join(' ')})`)
  return parts.join(' ')
}

/** `INDEX/TERM what`. */
export function showEntry(entry: Entry): string {
  const at = `${entry.index}/${entry.term}`
  switch (entry.type) {
    case 'noop':
      return `${at} noop`
    case 'data':
      return `${at} "${fromUtf8(entry.data)}"`
    case 'config':
      return `${at} config ${showConfig(entry.config)}`
    default:
      return entry satisfies never
  }
}

export function showMessage(message: Message): string {
  return `${message.from}→${message.to} ${message.type} term=${message.term}${details(message)}${
    message.lineage ? ` lineage=${message.lineage}` : ''
  }`
}

function details(message: Message): string {
  switch (message.type) {
    case 'pre-vote':
    case 'vote': {
      const transfer = message.transfer ? ' transfer' : ''
      return ` last=${message.lastIndex}/${message.lastTerm}${transfer}`
    }
    case 'pre-vote-response':
    case 'vote-response':
      return message.granted ? ' granted' : ' refused'
    case 'append': {
      const entries =
        message.entries.length === 0 ? '' : ` [${message.entries.map(showEntry).join(', ')}]`
      return ` prev=${message.prevIndex}/${message.prevTerm} commit=${message.commit}${entries}`
    }
    case 'append-response':
      return message.rejected
        ? ` rejected ${message.index}, hint ${message.hintIndex}/${message.hintTerm}`
        : ` match=${message.index}`
    case 'heartbeat':
      return ` commit=${message.commit} round=${message.round}`
    case 'heartbeat-response':
      return ` round=${message.round}`
    case 'snapshot': {
      const { index, term, config } = message.snapshot
      return ` at=${index}/${term} ${showConfig(config)}`
    }
    case 'timeout-now':
      return ''
    default:
      return message satisfies never
  }
}

export function showReady(ready: Ready): string[] {
  const lines: string[] = []
  const { rank, persist } = ready
  if (rank !== undefined)
    lines.push(`rank ${rank.rank} term=${rank.term} leader=${rank.leader ?? '-'}`)
  for (const message of ready.send) lines.push(`send ${showMessage(message)}`)
  if (persist !== undefined) {
    const { id, hardState, snapshot, entries } = persist
    const parts = [`persist #${id}`]
    if (hardState !== undefined) {
      parts.push(`term=${hardState.term} vote=${hardState.vote ?? '-'} commit=${hardState.commit}`)
      if (hardState.lineage) parts.push(`lineage=${hardState.lineage}`)
    }
    if (snapshot !== undefined) parts.push(`snapshot=${snapshot.index}/${snapshot.term}`)
    if (entries.length > 0) parts.push(`[${entries.map(showEntry).join(', ')}]`)
    lines.push(parts.join(' '))
  }
  for (const message of ready.sendAfter) lines.push(`then ${showMessage(message)}`)
  if (ready.commit.length > 0) lines.push(`apply [${ready.commit.map(showEntry).join(', ')}]`)
  for (const { context, index } of ready.reads) lines.push(`read ${context} at ${index}`)
  for (const context of ready.readsRefused) lines.push(`read ${context} refused`)
  for (const peer of ready.snapshots) lines.push(`snapshot wanted by ${peer}`)
  return lines
}
