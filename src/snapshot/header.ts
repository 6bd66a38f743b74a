import { MalformedError } from '../base/bytes.ts'
import { OperatorError } from '../base/errors.ts'
import { count, fields, optionalCount, text } from '../base/shape.ts'
import { fromUtf8, utf8 } from '../base/utf8.ts'

/** What a snapshot says of itself before its rows. */
export interface SnapshotHeader {
  readonly cluster: { readonly tag: string; readonly name: string }
  readonly epoch: number
  readonly metaVersion: number
  /** Of the last entry in it. */
  readonly index: number
  readonly term: number
  /** The events' version that a build must read to go on from here. */
  readonly stateVersion: number
  /** Wall clock of the last event in it, ms. */
  readonly time: number
  /** Wall clock of whoever made it, ms. */
  readonly taken: number
  /** The node that made it, and its build. */
  readonly node: string
  readonly version: string
  /** What the cluster had agreed on. */
  readonly settings: Readonly<Record<string, string>>
}

export const magic = utf8('HIVESNAP')
/** Raised when a reader of before would misread. */
export const formatVersion = 1
/** A header is a few hundred bytes and the settings. */
export const maxHeaderBytes = 1024 * 1024

export function encodeHeader(header: SnapshotHeader): Uint8Array {
  return utf8(JSON.stringify(header))
}

/** Throws OperatorError. */
export function decodeHeader(bytes: Uint8Array): SnapshotHeader {
  try {
    const of = fields(JSON.parse(fromUtf8(bytes)))
    const cluster = fields(of.cluster, 'cluster')
    return {
      cluster: { tag: text(cluster, 'tag', 64), name: text(cluster, 'name', 256) },
      epoch: count(of, 'epoch'),
      metaVersion: count(of, 'metaVersion'),
      index: count(of, 'index'),
      term: count(of, 'term'),
      stateVersion: count(of, 'stateVersion'),
      time: optionalCount(of, 'time') ?? 0,
      taken: count(of, 'taken'),
      node: text(of, 'node', 256),
      version: text(of, 'version', 256),
      settings: textsOf(fields(of.settings, 'settings')),
    }
  } catch (error) {
    if (!(error instanceof MalformedError || error instanceof SyntaxError)) throw error
    throw damaged(`its header cannot be read (${error.message})`)
  }
}

function textsOf(of: Readonly<Record<string, unknown>>): Record<string, string> {
  for (const [name, value] of Object.entries(of))
    if (typeof value !== 'string') throw new MalformedError(`the setting ${name} is no text`)
  return of as Record<string, string>
}

export function damaged(what: string): OperatorError {
  return new OperatorError(
    'BAD_SNAPSHOT',
    `the snapshot is damaged: ${what}`,
    'use another copy; hive snapshot list shows what this node keeps',
  )
}

export function cutOff(): OperatorError {
  return new OperatorError(
    'BAD_SNAPSHOT',
    'the snapshot is cut off: its end is missing',
    'copy it again from where it was made, or use another one',
  )
}

export function foreign(): OperatorError {
  return new OperatorError(
    'BAD_SNAPSHOT',
    'this is no snapshot of hive',
    'give a file that hive snapshot save or a scheduled snapshot made',
  )
}

export function newer(format: number): OperatorError {
  return new OperatorError(
    'VERSION_MISMATCH',
    `the snapshot is of format ${format}; this hive reads up to ${formatVersion}`,
    'use the hive that wrote it, or a newer one',
  )
}
