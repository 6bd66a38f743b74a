import type { HiveEvent } from '../events.ts'
import { admit, beginLeaving, remove, update } from './admission.ts'
import { changeSettings, initialise, upgrade } from './cluster.ts'
import { replaceVoter } from './control.ts'
import * as epoch from './epoch.ts'
import { cancelDrain, drain, drained, fail, ready } from './health.ts'
import * as kv from './kv.ts'
import * as requests from './requests.ts'
import * as restore from './restore.ts'
import { assign, report, unassign } from './roles.ts'
import { type At, type Parts, type Ruling, refused } from './ruling.ts'
import * as tokens from './tokens.ts'
import * as trust from './trust.ts'

/** The rule for each event. Before `ClusterInitialised` there is nothing to which another could apply. */
export function rule(parts: Parts, event: HiveEvent, at: At): Ruling {
  if (event.type !== 'ClusterInitialised' && parts.cluster.get('cluster') === undefined) {
    return refused('NOT_INITIALISED', 'the cluster has had no init', 'run `hive init`')
  }
  switch (event.type) {
    case 'KvPut':
      return { outcome: kv.put(parts.kv, event.data, at.index), happened: false }
    case 'KvDelete':
      return { outcome: kv.remove(parts.kv, event.data, at.index), happened: false }
    case 'ClusterInitialised':
      return initialise(parts, event.data, at)
    case 'ClusterUpgraded':
      return upgrade(parts, event.data, at)
    case 'SettingsChanged':
      return changeSettings(parts, event.data, at)
    case 'NodeAdmitted':
      return admit(parts, event.data, at)
    case 'NodeReady':
      return ready(parts, event.data, at)
    case 'NodeUpdated':
      return update(parts, event.data, at)
    case 'NodeDraining':
      return drain(parts, event.data, at)
    case 'NodeDrainCancelled':
      return cancelDrain(parts, event.data, at)
    case 'NodeDrained':
      return drained(parts, event.data, at)
    case 'NodeFailed':
      return fail(parts, event.data, at)
    case 'VoterReplacing':
      return replaceVoter(parts, event.data, at)
    case 'NodeLeaving':
      return beginLeaving(parts, event.data, at)
    case 'NodeLeft':
      return remove(parts, event.data, at)
    case 'RoleAssigned':
      return assign(parts, event.data, at)
    case 'RoleUnassigned':
      return unassign(parts, event.data, at)
    case 'RoleReported':
      return report(parts, event.data, at)
    case 'CaCreated':
      return trust.createAuthority(parts, event.data, at)
    case 'CaRetired':
      return trust.retireAuthority(parts, event.data, at)
    case 'CertificateIssued':
      return trust.issueCertificate(parts, event.data, at)
    case 'GossipKeyAdded':
      return trust.addGossipKey(parts, event.data, at)
    case 'GossipKeyUsed':
      return trust.useGossipKey(parts, event.data, at)
    case 'GossipKeyDropped':
      return trust.dropGossipKey(parts, event.data, at)
    case 'TokenCreated':
      return tokens.create(parts, event.data, event.actor, at)
    case 'TokenRevoked':
      return tokens.revoke(parts, event.data, at)
    case 'JoinRequested':
      return requests.request(parts, event.data, at)
    case 'JoinRefused':
      return requests.refuse(parts, event.data, event.actor, at)
    case 'TombstonesCollected':
      return epoch.collect(parts, event.data, at)
    case 'ClusterRecovered':
      return epoch.recover(parts, event.data, at)
    case 'RestoreBegun':
      return restore.begin(parts, event.data, at)
    case 'RestoreAdded':
      return restore.add(parts, event.data, at)
    case 'RestoreDropped':
      return restore.drop(parts, event.data, at)
    case 'SnapshotRestored':
      return restore.finish(parts, event.data, at)
    default:
      return event satisfies never
  }
}
