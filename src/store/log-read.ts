import type { Entry, HardState, Index, SnapshotMeta } from '../raft/types.ts'
import type { Connection } from './database.ts'
import { entryCrc, makeEntry, parseConfig } from './entry-codec.ts'
import { corrupt } from './failure.ts'

/** Reads log.db and believes none of it: every gap, wrong checksum or senseless value is corruption. */

export function readHardState(db: Connection): HardState {
  const row = db
    .prepare<[], HardStateRow>('SELECT term, vote, commit_idx, lineage FROM hard_state')
    .get()
  if (!row || !isCount(row.term) || !isCount(row.commit_idx) || !isCount(row.lineage)) {
    throw corrupt(`${db.name}: the hard state is missing or makes no sense`)
  }
  const { term, vote, commit_idx: commit, lineage } = row
  return { term, vote, commit, ...(lineage !== 0 && { lineage }) }
}

interface HardStateRow {
  readonly term: number
  readonly vote: string | null
  readonly commit_idx: number
  readonly lineage: number
}

export interface SnapshotRow {
  readonly meta: SnapshotMeta
  /** A received snapshot had not yet taken state.db's place. */
  readonly installing: boolean
}

export function readSnapshotMeta(db: Connection): SnapshotRow {
  const row = db
    .prepare<[], MetaColumns & { installing: number }>(
      'SELECT idx, term, config, installing FROM snapshot',
    )
    .get()
  return { meta: makeMeta(db, row), installing: row?.installing === 1 }
}

/** How far state.db goes. */
export function readApplied(db: Connection): SnapshotMeta {
  const row = db.prepare<[], MetaColumns>('SELECT idx, term, config FROM applied').get()
  return makeMeta(db, row)
}

interface MetaColumns {
  readonly idx: number
  readonly term: number
  readonly config: string
}

function makeMeta(db: Connection, row: MetaColumns | undefined): SnapshotMeta {
  const config = row && parseConfig(row.config)
  if (!row || !config || !isCount(row.idx) || !isCount(row.term)) {
    throw corrupt(`${db.name}: its index, term or configuration is missing or makes no sense`)
  }
  return { index: row.idx, term: row.term, config }
}

/** Every entry after `snapshot`; what is before is the rest of a compaction. */
export function readEntries(db: Connection, snapshot: SnapshotMeta): Entry[] {
  const select = db
    .prepare<[number], [number, number, number, number, Uint8Array | null]>(
      'SELECT idx, term, type, crc, data FROM entries WHERE idx > ? ORDER BY idx',
    )
    .raw()
  const entries: Entry[] = []
  let next = snapshot.index + 1
  let lastTerm = snapshot.term
  for (const [index, term, type, crc, data] of select.iterate(snapshot.index)) {
    if (index !== next) throw corrupt(`${db.name}: entry ${next} is missing`)
    const bytes = data ?? nothing
    if (entryCrc(index, term, type, bytes) !== crc) {
      throw corrupt(`${db.name}: entry ${index} does not match its checksum`)
    }
    if (term < lastTerm) throw corrupt(`${db.name}: the term goes back at entry ${index}`)
    const entry = makeEntry(index, term, type, bytes)
    if (!entry) throw corrupt(`${db.name}: entry ${index} is of no known type`)
    entries.push(entry)
    next = index + 1
    lastTerm = term
  }
  return entries
}

/** Term of an index that a log holds; undefined: it doesn't. */
export function termAt(
  snapshot: SnapshotMeta,
  entries: readonly Entry[],
  index: Index,
): number | undefined {
  if (index === snapshot.index) return snapshot.term
  return entries[index - snapshot.index - 1]?.term
}

const nothing = new Uint8Array(0)

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
