import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Edn, keyword } from '../linearizability/edn.ts'
import { jepsenHistory, type Recorded } from '../linearizability/histories.ts'
import type { ListCall } from '../linearizability/list.ts'
import type { RegisterCall } from '../linearizability/register.ts'
import type { SetCall } from '../linearizability/set.ts'
import type { History, Seen } from './history.ts'
import type { SoakNode } from './node.ts'
import { byKey } from './verdict.ts'

/** Writes what a run leaves behind: its summary, every history as EDN, and what the agents traced. */
export function keepResults(
  folder: string,
  summary: unknown,
  history: History,
  nodes: readonly SoakNode[],
): void {
  const write = (name: string, text: string): void => {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  const infinite = (_: string, value: unknown) =>
    value === Number.POSITIVE_INFINITY ? 'never' : value
  write('summary.json', `${JSON.stringify(summary, infinite, 2)}\n`)
  for (const [key, seen] of byKey(history.registers)) {
    const whole = key.startsWith('register/') || key.startsWith('cas/')
    if (whole) write(`knossos/${key}.edn`, jepsenHistory(seen.map(knossosRegister)))
  }
  for (const [key, seen] of byKey(history.sets))
    write(`knossos/${key}.edn`, jepsenHistory(seen.map(knossosSet)))
  write('elle/append.edn', jepsenHistory(history.lists.map(elleAppend)))
  for (const node of nodes) copyFileSync(node.traceFile, join(folder, `${node.name}.trace`))
}

/**
 * Models `register` and `cas-register`, which begin with `:absent`: values are whole numbers, and `:absent`: no such key. To
 * Knossos a read of nil is one of anything, so nil would let every stale one pass.
 */
export function knossosRegister(seen: Seen<RegisterCall>): Recorded {
  const { call, outcome } = seen
  switch (call.kind) {
    case 'read':
      return recorded(seen, 'read', null, outcome === 'ok' ? ednOf(call.saw) : null)
    case 'write':
      return recorded(seen, 'write', ednOf(call.value))
    case 'cas': {
      const pair = [ednOf(call.expected), ednOf(call.value)]
      const told = outcome === 'ok' && call.swapped === false ? 'fail' : outcome
      return recorded({ ...seen, outcome: told }, 'cas', pair)
    }
    default:
      return call satisfies never
  }
}

/** Model `set`. */
export function knossosSet(seen: Seen<SetCall>): Recorded {
  const { call } = seen
  if (call.kind === 'add') return recorded(seen, 'add', call.element)
  return recorded(seen, 'read', null, seen.outcome === 'ok' ? call.saw : null)
}

/** Transactions of one operation, for the checker `list-append`. */
export function elleAppend(seen: Seen<ListCall>): Recorded {
  const { call, key } = seen
  if (call.kind === 'append') return recorded(seen, 'txn', [[keyword('append'), key, call.element]])
  const told = seen.outcome === 'ok' ? call.saw : null
  return recorded(seen, 'txn', [[keyword('r'), key, null]], [[keyword('r'), key, told]])
}

function recorded<Call>(
  { process, invoked, returned, outcome }: Seen<Call>,
  f: string,
  asked: Recorded['asked'],
  told = asked,
): Recorded {
  return { process, f, asked, told, invoked, returned, outcome }
}

function ednOf(text: string | null): Edn {
  return text === null ? keyword('absent') : Number(text)
}
