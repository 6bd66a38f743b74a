import { parseArgs } from 'node:util'
import { numberIn, oneOf, wholeIn } from '../../scripts/tool.ts'

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

/** Throws UsageError, or Node's about what is no option. */
export function parseOptions(args: readonly string[]): Options {
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
    },
  })
  return {
    minutes: numberIn('minutes', values.minutes, 0.1, 24 * 60),
    nodes: wholeIn('nodes', values.nodes, 3, 9),
    clients: wholeIn('clients', values.clients, 1, 100),
    seed: wholeIn('seed', values.seed, 0),
    faults: values.faults === undefined ? undefined : kindsOf(values.faults),
    network: oneOf('--network', values.network, networkChoices),
    keep: values.keep,
  }
}

function kindsOf(text: string): string[] {
  if (text === 'none') return []
  const kinds = text.split(',').map(kind => kind.trim())
  return kinds.map(kind => oneOf('--faults', kind, faultKinds))
}
