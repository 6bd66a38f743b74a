import { type ChildProcess, spawn, spawnSync } from 'node:child_process'

/**
 * A run happens in process, mount and network namespaces of its own. So it needs no root (a user namespace does),
 * ends every process it started and no other, and leaves no mount, interface, rule or namespace behind, however it
 * ends: with the first of its processes the kernel takes all of it away.
 */
const namespaces = ['--fork', '--kill-child', '--pid', '--mount-proc', '--mount', '--net']
const asRoot = ['--user', '--map-root-user']

/** The arguments of `unshare` that work here; undefined with a reason: none do. */
export function enclosureHere(): { readonly args: readonly string[] } | { readonly why: string } {
  const tries = process.getuid?.() === 0 ? [namespaces] : [[...asRoot, ...namespaces]]
  let why = 'this system has no namespaces'
  for (const args of tries) {
    const { status, error, stderr } = spawnSync('unshare', [...args, 'true'], { encoding: 'utf8' })
    if (status === 0) return { args }
    why = error?.message ?? stderr.trim()
  }
  return { why }
}

/** Its standard input is the leash: when that ends, so does the run. */
export function enclosed(args: readonly string[], script: string, input: string): ChildProcess {
  return spawn('unshare', [...args, process.execPath, script, input], {
    stdio: ['pipe', 'inherit', 'inherit'],
    // Ctrl-C is for the outer process, which lets go of the leash.
    detached: true,
  })
}
