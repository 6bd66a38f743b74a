import type { DoctorReport } from '../api/doctor-types.ts'
import { OperatorError } from '../base/errors.ts'
import { whyUnreadable } from '../base/unreadable.ts'
import { diagnose, worst } from '../cluster/doctor.ts'
import { inspect } from '../net/security/x509.ts'
import { look, measureSyncs } from './process/real-instruments.ts'
import { identityFile } from './trust/identity-file.ts'

/** What says nothing without an agent. */
const offline = new Set(['disk-sync', 'disk-space', 'data-directory', 'certificates'])
const syncs = { count: 128, most: 4_000 }

/** For `hive doctor --data-dir`: the disk, and the certificate that lies on it. No agent needs to run. */
export async function examineOffline(dataDir: string): Promise<DoctorReport> {
  const began = performance.now()
  const premises = await look(dataDir).catch((error: NodeJS.ErrnoException) => {
    throw new OperatorError(
      'DATA_DIR',
      `cannot read ${dataDir}: ${whyUnreadable(error)}`,
      'give the data directory of a node, as the user that runs its agent',
    )
  })
  const measured = await measureSyncs(dataDir, syncs.count, syncs.most).catch(
    (error: NodeJS.ErrnoException) => ({ failed: `${dataDir}: ${error.code ?? error.message}` }),
  )
  const member = identityFile(dataDir).read()?.member
  const checks = diagnose({
    ...{ premises, syncs: measured, lags: [], peers: [], unasked: 0, seeds: [], remembered: 0 },
    ...{ wall: Date.now(), maxClockSkew: 0, version: '' },
    ...(member && { certificates: [{ ...inspect(member.certificate), node: 'this node' }] }),
  }).filter(check => offline.has(check.name) && check.verdict !== 'skipped')
  const took = Math.round(performance.now() - began)
  return { node: dataDir, verdict: worst(checks), checks, took }
}
