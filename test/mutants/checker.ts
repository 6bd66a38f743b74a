/** Which of the simulator's checkers says so. */
const checkers: readonly (readonly [RegExp, string])[] = [
  [/two leaders/, 'one leader in a term'],
  [/term \d+ became|the term went back/, 'terms never fall'],
  [/durable votes/, 'leaders are elected by durable votes'],
  [/durable on/, 'committed is durable on a majority'],
  [/committed entry|has nothing there|committed is/, 'one log for all'],
  [/state at \d+ differs/, 'equal state at equal index'],
  [/not linearizable/, 'linearizability'],
  [/was acknowledged at/, 'acknowledged writes are in the log'],
  [/the counter is|the list/, 'counting and appending by cas'],
  [/changed the lock/, 'locks by cas'],
  [/logical topology/, 'nobody is in without an agreed admission'],
  [/members and removed|of epoch/, 'the ledger of who is in'],
  [/meta version/, 'one picture under a meta version'],
  [/on the word of/, 'verdicts have accusers'],
  [/is agreed to have failed, after/, 'no false verdict in calm'],
  [/incarnation/, 'incarnations never fall'],
  [/woken|waited/, 'held reads'],
  [/two inits/, 'one cluster comes of two inits'],
  [/not healthy|though all is repaired|have not found|init of healthy/, 'well again in a minute'],
  [/does not stop/, 'stops in time'],
  [/has not answered/, 'every call ends'],
  [/overwrites|leaves a gap|saved at|wrong term|snapshot without/, "the disk's manners"],
]

export function checkerOf(complaint: string): string {
  return (
    checkers.find(([pattern]) => pattern.test(complaint))?.[1] ??
    `an assertion: ${complaint.slice(0, 80).replaceAll('|', '/')}`
  )
}
