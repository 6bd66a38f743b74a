/** Line charts as SVG text, without anything from outside. */
export interface Line {
  readonly name: string
  /** x, y; y undefined: not measured. */
  readonly points: readonly (readonly [number, number | null | undefined])[]
}

export interface Chart {
  readonly title: string
  readonly x: string
  readonly y: string
  readonly lines: readonly Line[]
  /** Powers of ten at equal distances. */
  readonly logX?: boolean
}

const size = { width: 640, height: 360, left: 64, right: 170, top: 40, bottom: 48 } as const
const colours = ['#2563eb', '#dc2626', '#059669', '#d97706', '#7c3aed', '#0891b2']

export function svgOf({ title, x, y, lines, logX = false }: Chart): string {
  const points = lines.flatMap(l => l.points)
  const xs = points.map(([at]) => at)
  const top = nice(Math.max(...points.map(([, value]) => value ?? 0), 1e-9))
  const scale = (value: number) => (logX ? Math.log10(value) : value)
  const [low, high] = [scale(Math.min(...xs)), scale(Math.max(...xs))]
  const inner = {
    width: size.width - size.left - size.right,
    height: size.height - size.top - size.bottom,
  }
  const px = (at: number) => size.left + ((scale(at) - low) / (high - low || 1)) * inner.width
  const py = (value: number) => size.top + inner.height * (1 - value / top)
  const out: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    text(size.left, 22, title, 'start', 15),
  ]
  for (let i = 0; i <= 4; i++) {
    const value = (top * i) / 4
    const at = py(value).toFixed(1)
    out.push(
      `<line x1="${size.left}" x2="${size.left + inner.width}" y1="${at}" y2="${at}" stroke="#e5e7eb"/>`,
      text(size.left - 8, Number(at) + 4, short(value), 'end'),
    )
  }
  for (const at of [...new Set(xs)].sort((a, b) => a - b)) {
    out.push(text(px(at), size.top + inner.height + 18, short(at), 'middle'))
  }
  out.push(text(size.left + inner.width / 2, size.height - 8, x, 'middle'))
  out.push(
    `<text x="14" y="${size.top + inner.height / 2}" fill="#111827" text-anchor="middle" transform="rotate(-90 14 ${size.top + inner.height / 2})">${escaped(y)}</text>`,
  )
  lines.forEach((line, i) => {
    const colour = colours[i % colours.length]!
    const there = line.points.flatMap(([at, value]) =>
      value == null ? [] : [[px(at).toFixed(1), py(value).toFixed(1)] as const],
    )
    const path = there.map(p => p.join(',')).join(' ')
    out.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`)
    for (const [cx, cy] of there)
      out.push(`<circle cx="${cx}" cy="${cy}" r="3.5" fill="${colour}"/>`)
    const row = size.top + 10 + i * 20
    const legend = size.left + inner.width + 16
    out.push(
      `<rect x="${legend}" y="${row - 8}" width="12" height="4" fill="${colour}"/>`,
      text(legend + 18, row - 2, line.name, 'start'),
    )
  })
  return `${out.join('\n')}\n</svg>\n`
}

function text(x: number, y: number, words: string, anchor: string, size = 12): string {
  return `<text x="${x.toFixed(1)}" y="${y}" fill="#111827" text-anchor="${anchor}" font-size="${size}">${escaped(words)}</text>`
}

function nice(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 4, 5, 8, 10].map(n => n * power).find(n => n >= value)!
}

function short(value: number): string {
  if (value >= 1000) return `${Number((value / 1000).toPrecision(3))}k`
  return String(Number(value.toPrecision(3)))
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
