import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import type { NetworkChoice } from './options.ts'

/**
 * A run happens in process and mount namespaces of its own, and in a network namespace where its network is made of
 * those. So it needs no root (a user namespace does), ends every process it started and no other, and leaves no mount,
 * interface, rule or namespace behind, however it ends: with the first of its processes the kernel takes all of it away. Where
 * a machine allows none of this the run is processes like any other, which their files of process ids help to end.
 */
const own = ['--fork', '--kill-child', '--pid', '--mount-proc', '--mount']
const asRoot = ['--user', '--map-root-user']
/** Does what a network of namespaces begins with. */
const linking = 'ip link add left type veth peer name right && tc qdisc show && command -v nsenter'

export interface Enclosure {
  readonly network: 'namespaces' | 'proxy'
  /** Of `unshare`; undefined: it works with none. */
  readonly args: readonly string[] | undefined
  /** Why it is not what it could be. */
  readonly why: readonly string[]
}

/** The best that this machine allows of what was asked for; `refused` where that is nothing. */
export function enclosureHere(choice: NetworkChoice): Enclosure | { readonly refused: string } {
  const why: string[] = []
  if (choice !== 'proxy') {
    const found = unshares([...own, '--net'], linking)
    if (typeof found !== 'string') return { network: 'namespaces', args: found, why }
    if (choice === 'namespaces') return { refused: `no network namespaces here: ${found}` }
    why.push(`no network namespaces: ${found}`)
  }
  if (process.platform !== 'linux')
    return { refused: 'the proxy needs Linux, where all of 127.0.0.0/8 is loopback' }
  const found = unshares(own, 'mount -t tmpfs none /mnt')
  if (typeof found !== 'string') return { network: 'proxy', args: found, why }
  why.push(`no process and mount namespaces: ${found}`)
  return { network: 'proxy', args: undefined, why }
}

/** Arguments with which `unshare` runs the command, or why none do. */
function unshares(namespaces: readonly string[], command: string): readonly string[] | string {
  const tries = [[...asRoot, ...namespaces]]
  if (process.getuid?.() === 0) tries.unshift([...namespaces])
  let why = ''
  for (const args of tries) {
    const run = [...args, 'sh', '-c', command]
    const { status, error, stderr } = spawnSync('unshare', run, { encoding: 'utf8' })
    if (status === 0) return args
    why ||= error?.message ?? (stderr.trim().split('\n')[0] || `status ${status}`)
  }
  return why
}

/** Its standard input is the leash: when that ends, so does the run. */
export function enclosed({ args }: Enclosure, script: string, input: string): ChildProcess {
  const run = [script, input]
  const [command, whole] = args
    ? (['unshare', [...args, process.execPath, ...run]] as const)
    : ([process.execPath, run] as const)
  return spawn(command, whole, {
    stdio: ['pipe', 'inherit', 'inherit'],
    // Ctrl-C is for the outer process, which lets go of the leash.
    detached: true,
  })
}
