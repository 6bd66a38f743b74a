import { Box, Text } from 'ink'
import type { ReactElement } from 'react'
import type { Line, Tone } from '../client/paint.ts'
import type { Frame } from './source.ts'
import { viewOf } from './view.ts'

/** Thin: everything that is shown was decided in view.ts. */

const styles: Record<Tone, { bold?: true; dimColor?: true; color?: string }> = {
  plain: {},
  strong: { bold: true },
  dim: { dimColor: true },
  good: { color: 'green' },
  warn: { color: 'yellow' },
  bad: { color: 'red' },
}

export function Dashboard({ frame, width }: { frame: Frame; width: number }): ReactElement {
  const view = frame.report === null ? null : viewOf(frame.report, width)
  return (
    <Box flexDirection="column" width={width}>
      {view !== null && (
        <>
          <Lines lines={view.headline} />
          <Gap />
          <Lines lines={view.nodes} />
          {view.notices.length > 0 && <Gap />}
          <Lines lines={view.notices} />
        </>
      )}
      {frame.problem !== null && (
        <>
          <Gap />
          <Text color="red">{frame.problem}</Text>
        </>
      )}
      {frame.footer.length > 0 && <Gap />}
      {frame.footer.map((text, i) => (
        <Text key={i} dimColor>
          {text}
        </Text>
      ))}
    </Box>
  )
}

function Lines({ lines }: { lines: readonly Line[] }): ReactElement {
  return (
    <Box flexDirection="column">
      {lines.map((line, i) => (
        <Text key={i} wrap="truncate">
          {line.map((span, j) => (
            <Text key={j} {...styles[span.tone]}>
              {span.text}
            </Text>
          ))}
        </Text>
      ))}
    </Box>
  )
}

function Gap(): ReactElement {
  return <Text> </Text>
}
