import { parseArgs } from 'node:util'

/** What a run is made of. */
export interface Options {
  readonly minutes: number
  readonly nodes: number
  readonly clients: number
  /** Of the nemesis and the clients; what processes and kernels make of it is not repeatable. */
  readonly seed: number
  /** Kinds of fault; undefined: all that this machine can do. */
  readonly faults: readonly string[] | undefined
  /** `auto`: namespaces where this machine allows them, else the proxy. */
  readonly network: NetworkChoice
  /** Keep the histories and traces of a run that went well, too. */
  readonly keep: boolean
}

export const networkChoices = ['auto', 'namespaces', 'proxy'] as const

export type NetworkChoice = (typeof networkChoices)[number]

export const faultKinds = [
  'kill',
  'restart',
  'pause',
  'partition',
  'loss',
  'slow',
  'clock',
  'disk',
] as const

export type FaultKind = (typeof faultKinds)[number]

export const help = `Runs a cluster of real agents, breaks it, and judges what its clients were told.

  --minutes M      time under trouble (default 3)
  --nodes N        agents, all with a vote: 3 to 9 (default 5)
  --clients N      1 to 100 (default 10)
  --faults LIST    of ${faultKinds.join(', ')}; none (default: all that this machine can do)
  --network KIND   ${networkChoices.join(', ')}: a network namespace per node, or a proxy on loopback (default
                   auto: namespaces where this machine allows them)
  --seed N         what the nemesis and the clients throw their dice with (default: from the clock; it is printed)
  --keep           keep histories and traces also when all was well
`

/** Throws Error with what is wrong. */
export function parseOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '3' },
      nodes: { type: 'string', default: '5' },
      clients: { type: 'string', default: '10' },
      faults: { type: 'string' },
      network: { type: 'string', default: 'auto' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  return {
    minutes: numberIn('minutes', values.minutes, 0.1, 24 * 60),
    nodes: wholeIn('nodes', values.nodes, 3, 9),
    clients: wholeIn('clients', values.clients, 1, 100),
    seed: wholeIn('seed', values.seed, 0, Number.MAX_SAFE_INTEGER),
    faults: values.faults === undefined ? undefined : kindsOf(values.faults),
    network: networkOf(values.network),
    keep: values.keep,
  }
}

function numberIn(name: string, text: string, least: number, most: number): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw new Error(`--${name}: "${text}" must be a number from ${least} to ${most}`)
}

function wholeIn(name: string, text: string, least: number, most: number): number {
  const value = numberIn(name, text, least, most)
  if (Number.isInteger(value)) return value
  throw new Error(`--${name}: "${text}" must be a whole number`)
}

function networkOf(text: string): NetworkChoice {
  const choice = networkChoices.find(known => known === text)
  if (choice) return choice
  throw new Error(`--network: "${text}" must be one of ${networkChoices.join(', ')}`)
}

function kindsOf(text: string): string[] {
  if (text === 'none') return []
  const kinds = text.split(',').map(kind => kind.trim())
  const unknown = kinds.filter(kind => !faultKinds.some(known => known === kind))
  if (unknown.length === 0) return kinds
  throw new Error(`--faults: ${unknown.join(', ')}: unknown; known are ${faultKinds.join(', ')}`)
}
