import { render, useApp, useInput, useWindowSize } from 'ink'
import { type ReactElement, useEffect, useRef, useState } from 'react'
import { Dashboard } from './panels.tsx'
import { type Frame, refreshPeriod, type StatusSource } from './source.ts'

export interface LiveOptions {
  /** The view closes when this resolves. */
  readonly until?: Promise<unknown>
  /** What keys do, apart from q and Ctrl-C. */
  readonly keys?: Readonly<Record<string, () => void>>
}

/** The live view on a terminal; resolves once the person is done with it (Ctrl-C or q). */
export async function showLive(source: StatusSource, options: LiveOptions = {}): Promise<void> {
  const app = render(<Live source={source} keys={options.keys ?? {}} />, { exitOnCtrlC: false })
  void options.until?.then(() => app.unmount())
  await app.waitUntilExit()
}

/** All that is seen goes, and the cursor to the top. */
const wipe = '\u001b[2J\u001b[H'

interface LiveProps {
  readonly source: StatusSource
  readonly keys: Readonly<Record<string, () => void>>
}

function Live({ source, keys }: LiveProps): ReactElement {
  const { exit } = useApp()
  const { columns } = useWindowSize()
  const before = useRef(columns)
  // A terminal that gets narrower breaks the lines that are there, and Ink would go up too few of them. This comes
  // after its own drawing at the old width, and before that at the new one.
  if (columns < before.current) process.stdout.write(wipe)
  before.current = columns
  const [frame, setFrame] = useState<Frame>({ report: null, problem: null, footer: ['asking …'] })
  useInput((input, key) => {
    if (input === 'q' || (key.ctrl && input === 'c')) exit()
    else keys[input]?.()
  })
  useEffect(() => {
    let timer: NodeJS.Timeout | undefined
    let gone = false
    const refresh = async () => {
      const next = await source.next()
      if (gone) return
      setFrame(next)
      timer = setTimeout(refresh, refreshPeriod)
    }
    void refresh()
    return () => {
      gone = true
      clearTimeout(timer)
    }
  }, [source])
  return <Dashboard frame={frame} width={columns} />
}
