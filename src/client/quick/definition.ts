/** What the fast start reads of a command's flags and arguments: the part of oclif's definitions that it understands. */

export interface FlagDefinition {
  readonly type: 'boolean' | 'option'
  readonly char?: string
  readonly default?: unknown
  readonly multiple?: boolean
  readonly allowNo?: boolean
  readonly required?: boolean
  readonly options?: readonly string[]
  readonly exclusive?: readonly string[]
  readonly min?: number
  readonly max?: number
  readonly integer?: boolean
}

export interface ArgDefinition {
  readonly default?: unknown
  readonly multiple?: boolean
  readonly required?: boolean
  readonly options?: readonly string[]
}

export type Flags = Readonly<Record<string, FlagDefinition>>
export type Args = Readonly<Record<string, ArgDefinition>>

/** Anything out of the ordinary (help, a mistake, a rare form) is oclif's: it begins again with the same words. */
export class NeedOclif extends Error {
  constructor(why: string) {
    super(why)
    this.name = 'NeedOclif'
  }
}
