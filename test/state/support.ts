import { decodeEvent, encodeEvent } from '../../src/state/codec.ts'
import type {
  EventData,
  EventType,
  HiveEvent,
  NodeDescription,
  RequestId,
} from '../../src/state/events.ts'
import { State } from '../../src/state/state.ts'
import type { Applied, EntryLike, Row } from '../../src/state/types.ts'

/** Where the events of these tests are in time: a second apart, from here on. */
const firstTime = Date.UTC(2026, 0, 1)

export function event<T extends EventType>(
  type: T,
  data: EventData[T],
  request?: RequestId,
  time = firstTime,
): HiveEvent {
  const made = { v: 1, type, time, actor: 'operator@n1', data, ...(request && { request }) }
  return made as unknown as HiveEvent
}

export function describeNode(name: string, more: Partial<NodeDescription> = {}): NodeDescription {
  return {
    id: `id-${name}`,
    name,
    address: { host: '10.0.0.1', port: 4483 },
    dc: 'dc1',
    version: '0.1.0',
    incarnation: 1,
    roles: [],
    ...more,
  }
}

export const initialised = event('ClusterInitialised', {
  tag: 'tag-1',
  name: 'prod',
  version: '0.1.0',
  control: ['n1', 'n2', 'n3'].map(name => describeNode(name)),
  settings: {},
})

/** A state, the log it came from, and the rows a disk would hold of it. */
export class Bench {
  state = State.empty()
  readonly log: EntryLike[] = []
  readonly disk = new Map<string, Row>()
  term = 1

  /** Through the codec, as every entry goes. */
  event(made: HiveEvent): Applied {
    const decoded = decodeEvent(encodeEvent({ ...made, time: made.time + this.log.length * 1000 }))
    return this.entry({ type: 'data', event: decoded })
  }

  apply<T extends EventType>(type: T, data: EventData[T], request?: RequestId): Applied {
    return this.event(event(type, data, request))
  }

  entry(body: Body): Applied {
    const entry = { index: this.log.length + 1, term: this.term, ...body } as EntryLike
    this.log.push(entry)
    return this.state.apply(entry)
  }

  save(): Row[] {
    const rows = this.state.takeRows()
    for (const row of rows) {
      if (row.json === null) this.disk.delete(`${row.table}/${row.key}`)
      else this.disk.set(`${row.table}/${row.key}`, row)
    }
    return rows
  }

  /** A crash: what was not saved is applied again from the log. The disk returns rows in any order. */
  restart(): void {
    this.state = State.load([...this.disk.values()].reverse())
    for (const entry of this.log.slice(this.state.applied)) this.state.apply(entry)
  }
}

type Body = EntryLike extends infer E
  ? E extends EntryLike
    ? Omit<E, 'index' | 'term'>
    : never
  : never

export function initialisedBench(): Bench {
  const bench = new Bench()
  bench.event(initialised)
  return bench
}
