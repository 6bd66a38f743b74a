/** Line charts as SVG text, without anything from outside; they follow the reader's light or dark scheme. */
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

const size = { width: 680, height: 360, left: 64, right: 176, top: 48, bottom: 52 } as const
const inner = {
  width: size.width - size.left - size.right,
  height: size.height - size.top - size.bottom,
} as const

/** Told apart by the colour-blind, too (Okabe and Ito, 2008), a little darker on white, lighter on black. */
const light = ['#0072b2', '#c2410c', '#047857', '#a21caf', '#a16207', '#475569'] as const
const dark = ['#56b4e9', '#fb923c', '#34d399', '#e879f9', '#fbbf24', '#94a3b8'] as const

const style = `
.ground { fill: #ffffff } .text { fill: #1f2328 } .faint { fill: #59636e } .grid { stroke: #d1d9e0 }
${rules(light)}
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117 } .text { fill: #f0f6fc } .faint { fill: #9198a1 } .grid { stroke: #2f353d }
${rules(dark)}
}`

function rules(colours: readonly string[]): string {
  return colours
    .map((c, i) => `.line${i} { stroke: ${c} } .mark${i} { fill: ${c}; stroke: ${c} }`)
    .join('\n')
}

export function svgOf({ title, x, y, lines, logX = false }: Chart): string {
  const points = lines.flatMap(l => l.points)
  const xs = points.map(([at]) => at)
  const top = nice(Math.max(...points.map(([, value]) => value ?? 0), 1e-9))
  const scale = (value: number) => (logX ? Math.log10(value) : value)
  const [low, high] = [scale(Math.min(...xs)), scale(Math.max(...xs))]
  const px = (at: number) => size.left + ((scale(at) - low) / (high - low || 1)) * inner.width
  const py = (value: number) => size.top + inner.height * (1 - value / top)
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" role="img" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    `<style>${style}\n</style>`,
    `<rect class="ground" width="100%" height="100%" rx="6"/>`,
    text(20, 28, title, { size: 15, weight: 600 }),
    ...grid(top, py),
    ...ticks(xs, logX).map(at =>
      text(px(at), size.top + inner.height + 20, short(at), { anchor: 'middle', faint: true }),
    ),
    text(size.left + inner.width / 2, size.height - 10, x, { anchor: 'middle', faint: true }),
    `<text class="faint" x="18" y="${size.top + inner.height / 2}" text-anchor="middle" transform="rotate(-90 18 ${size.top + inner.height / 2})">${escaped(y)}</text>`,
    ...lines.flatMap((line, i) => drawn(line, i, px, py)),
    ...named(lines, py),
  ]
  return `${out.join('\n')}\n</svg>\n`
}

function grid(top: number, py: (value: number) => number): string[] {
  return [0, 1, 2, 3, 4].flatMap(i => {
    const value = (top * i) / 4
    const at = py(value).toFixed(1)
    return [
      `<line class="grid" x1="${size.left}" x2="${size.left + inner.width}" y1="${at}" y2="${at}"/>`,
      text(size.left - 8, Number(at) + 4, short(value), { anchor: 'end', faint: true }),
    ]
  })
}

/** Where something was measured, and no more than fit side by side. */
function ticks(xs: readonly number[], logX: boolean): number[] {
  const sorted = [...new Set(xs)].sort((a, b) => a - b)
  const every = logX ? 1 : Math.ceil(sorted.length / 8)
  return sorted.filter((_, i) => i % every === 0)
}

function drawn(
  line: Line,
  i: number,
  px: (at: number) => number,
  py: (value: number) => number,
): string[] {
  const there = line.points.flatMap(([at, value]) =>
    value == null ? [] : [[px(at).toFixed(1), py(value).toFixed(1)] as const],
  )
  const path = there.map(p => p.join(',')).join(' ')
  return [
    `<polyline class="line${i % light.length}" points="${path}" fill="none" stroke-width="2" stroke-linejoin="round"/>`,
    ...there.map(
      ([cx, cy]) => `<circle class="mark${i % light.length}" cx="${cx}" cy="${cy}" r="3"/>`,
    ),
  ]
}

const rowHeight = 18

/** Each name at the end of its line, moved apart where the ends lie close. */
function named(lines: readonly Line[], py: (value: number) => number): string[] {
  const ends = lines.map((line, i) => {
    const last = line.points.findLast(([, value]) => value != null)
    return { i, name: line.name, at: last ? py(last[1]!) : size.top }
  })
  ends.sort((a, b) => a.at - b.at)
  let next = size.top
  for (const end of ends) {
    end.at = Math.max(end.at, next)
    next = end.at + rowHeight
  }
  let floor = size.top + inner.height
  for (const end of ends.toReversed()) {
    end.at = Math.min(end.at, floor)
    floor = end.at - rowHeight
  }
  const left = size.left + inner.width + 14
  return ends.flatMap(({ i, name, at }) => [
    `<circle class="mark${i % light.length}" cx="${left}" cy="${at.toFixed(1)}" r="4"/>`,
    text(left + 10, Number(at.toFixed(1)) + 4, name),
  ])
}

interface Look {
  readonly anchor?: 'start' | 'middle' | 'end'
  readonly size?: number
  readonly weight?: number
  readonly faint?: boolean
}

function text(x: number, y: number, words: string, look: Look = {}): string {
  const { anchor = 'start', size = 12, weight, faint = false } = look
  const bold = weight === undefined ? '' : ` font-weight="${weight}"`
  return `<text class="${faint ? 'faint' : 'text'}" x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}" font-size="${size}"${bold}>${escaped(words)}</text>`
}

function nice(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10].map(n => n * power).find(n => n >= value * 0.999)!
}

function short(value: number): string {
  if (value >= 10_000) return `${Number((value / 1000).toPrecision(3))}k`
  if (value >= 1000) return Math.round(value).toLocaleString('en').replace(',', ' ')
  return String(Number(value.toPrecision(3)))
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
