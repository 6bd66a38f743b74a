import { start as startWith } from '../client/start.ts'
import Admit from './admit.ts'
import Agent from './agent.ts'
import CaRotate from './ca/rotate.ts'
import CaShow from './ca/show.ts'
import Completion from './completion.ts'
import ControlDemote from './control/demote.ts'
import ControlPromote from './control/promote.ts'
import Dev from './dev.ts'
import Doctor from './doctor.ts'
import Drain from './drain.ts'
import Init from './init.ts'
import Join from './join.ts'
import JoinRequests from './join-requests.ts'
import KeysRotate from './keys/rotate.ts'
import KeysShow from './keys/show.ts'
import KvDelete from './kv/delete.ts'
import KvGet from './kv/get.ts'
import KvList from './kv/list.ts'
import KvPut from './kv/put.ts'
import Leave from './leave.ts'
import Log from './log.ts'
import NodeRemove from './node/remove.ts'
import RecoverApply from './recover/apply.ts'
import RecoverPlan from './recover/plan.ts'
import RecoverYield from './recover/yield.ts'
import Refuse from './refuse.ts'
import Reset from './reset.ts'
import RoleAssign from './role/assign.ts'
import RoleList from './role/list.ts'
import RoleUnassign from './role/unassign.ts'
import SecretNew from './secret/new.ts'
import ServiceDeregister from './service/deregister.ts'
import ServiceList from './service/list.ts'
import ServiceRegister from './service/register.ts'
import SettingsList from './settings/list.ts'
import SettingsSet from './settings/set.ts'
import SnapshotInspect from './snapshot/inspect.ts'
import SnapshotList from './snapshot/list.ts'
import SnapshotRestore from './snapshot/restore.ts'
import SnapshotSave from './snapshot/save.ts'
import Status from './status.ts'
import TokenCreate from './token/create.ts'
import TokenList from './token/list.ts'
import TokenRevoke from './token/revoke.ts'
import Version from './version.ts'
import Why from './why.ts'

/** Everything an operator can type: a list one can read, and the entry of the bundle. */
export const commands = {
  admit: Admit,
  agent: Agent,
  'ca:rotate': CaRotate,
  'ca:show': CaShow,
  completion: Completion,
  'control:demote': ControlDemote,
  'control:promote': ControlPromote,
  dev: Dev,
  doctor: Doctor,
  drain: Drain,
  init: Init,
  join: Join,
  'join-requests': JoinRequests,
  'keys:rotate': KeysRotate,
  'keys:show': KeysShow,
  'kv:delete': KvDelete,
  'kv:get': KvGet,
  'kv:list': KvList,
  'kv:put': KvPut,
  leave: Leave,
  log: Log,
  'node:remove': NodeRemove,
  'recover:apply': RecoverApply,
  'recover:plan': RecoverPlan,
  'recover:yield': RecoverYield,
  refuse: Refuse,
  reset: Reset,
  'role:assign': RoleAssign,
  'role:list': RoleList,
  'role:unassign': RoleUnassign,
  'secret:new': SecretNew,
  'service:deregister': ServiceDeregister,
  'service:list': ServiceList,
  'service:register': ServiceRegister,
  'settings:list': SettingsList,
  'settings:set': SettingsSet,
  'snapshot:inspect': SnapshotInspect,
  'snapshot:list': SnapshotList,
  'snapshot:restore': SnapshotRestore,
  'snapshot:save': SnapshotSave,
  status: Status,
  'token:create': TokenCreate,
  'token:list': TokenList,
  'token:revoke': TokenRevoke,
  version: Version,
  why: Why,
}

export function start(argv: readonly string[]): Promise<void> {
  return startWith(argv, commands)
}
