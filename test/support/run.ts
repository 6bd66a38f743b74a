import { spawn } from 'node:child_process'

export interface Ran {
  /** Null: ended by a signal. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly stdin?: string | Uint8Array
}

/** Runs a script with this Node.js to its end, in an environment that holds nothing but PATH and what is given. */
export function runScript(
  script: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: options.cwd ?? '/',
      env: { PATH: process.env.PATH ?? '', TZ: 'UTC', ...options.env },
    })
    const output = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', text => (output.stdout += text))
    child.stderr.setEncoding('utf8').on('data', text => (output.stderr += text))
    child.on('error', reject)
    child.on('close', code => resolve({ code, ...output }))
    child.stdin.on('error', () => {})
    child.stdin.end(options.stdin)
  })
}
