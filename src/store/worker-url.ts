/** Where the log thread's program is: beside this one, TypeScript in the source tree, JavaScript in the package. */
export function workerUrl(): URL {
  const name = import.meta.url.endsWith('.js') ? './log-worker.js' : './log-worker.ts'
  return new URL(name, import.meta.url)
}
