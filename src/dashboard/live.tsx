import { render, useApp, useInput, useWindowSize } from 'ink'
import { type ReactElement, useEffect, useState } from 'react'
import { Dashboard } from './panels.tsx'
import { type Frame, refreshPeriod, type StatusSource } from './source.ts'

/** The live view on a terminal; resolves once the person is done with it (Ctrl-C or q) or `until` resolves. */
export async function showLive(source: StatusSource, until?: Promise<unknown>): Promise<void> {
  const app = render(<Live source={source} />, { exitOnCtrlC: false })
  void until?.then(() => app.unmount())
  await app.waitUntilExit()
}

function Live({ source }: { source: StatusSource }): ReactElement {
  const { exit } = useApp()
  const { columns } = useWindowSize()
  const [frame, setFrame] = useState<Frame>({ report: null, problem: null, footer: ['asking …'] })
  useInput((input, key) => {
    if (input === 'q' || (key.ctrl && input === 'c')) exit()
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
