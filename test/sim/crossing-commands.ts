import type { Backend } from '../../src/api/types.ts'

/** What operators of a cluster of five may ask for, and where. */
export interface Command {
  readonly name: string
  readonly at: string
  run(backend: Backend): Promise<unknown>
  /** This node is out for good if it succeeds. */
  readonly takesOut?: string
}

const actor = 'operator'
const drain = { cancel: false, dryRun: false, force: true, deadline: null, reason: '', actor }

const promote = (at: string, node: string, observer: boolean): Command => ({
  name: `promote ${node}${observer ? ' --observer' : ''}`,
  at,
  run: b => b.promote({ node, observer, force: false, actor }),
})

const demote = (at: string, node: string): Command => ({
  name: `demote ${node}`,
  at,
  run: b => b.demote({ node, force: true, actor }),
})

const leave = (at: string, node: string): Command => ({
  name: at === node ? 'leave' : `remove ${node}`,
  at,
  run: b => b.leave({ ...(at !== node && { node }), force: true, actor }),
  takesOut: node,
})

const set = (name: string, value: string): Command => ({
  name: `set ${name}`,
  at: 'n5',
  run: b => b.changeSettings({ settings: { [name]: value }, actor }),
})

export const commands: readonly Command[] = [
  promote('n5', 'n4', true),
  promote('n5', 'n4', false),
  promote('n4', 'n5', false),
  demote('n5', 'n4'),
  demote('n5', 'n3'),
  demote('n5', 'n1'),
  leave('n4', 'n4'),
  leave('n5', 'n4'),
  leave('n5', 'n3'),
  leave('n2', 'n2'),
  { name: 'drain n4', at: 'n5', run: b => b.drain({ ...drain, node: 'n4' }) },
  { name: 'drain n1', at: 'n5', run: b => b.drain({ ...drain, node: 'n1' }) },
  { name: 'cancel n4', at: 'n5', run: b => b.drain({ ...drain, node: 'n4', cancel: true }) },
  {
    name: 'assign',
    at: 'n5',
    run: b => b.assignRoles({ node: 'n4', roles: ['host'], actor }),
  },
  {
    name: 'unassign',
    at: 'n1',
    run: b => b.unassignRoles({ node: 'n4', roles: ['host'], actor }),
  },
  set('slice', '8'),
  set('tombstone-grace', '500ms'),
  set('voter-replacement-after', '1s'),
  { name: 'rotate keys', at: 'n5', run: b => b.rotateKeys({ actor }) },
  { name: 'rotate ca', at: 'n5', run: b => b.rotateCa({ actor }) },
]
