import type { Report } from '../harness/report.ts'
import { WAYS, type Way } from './first-token.ts'

const PANEL = { width: 300, height: 210, left: 48, top: 34, right: 12, bottom: 34 }
const COLOURS: Record<Way, string> = {
  prefill: '#b3261e',
  disk8: '#e8a317',
  disk: '#8a6d1b',
  prefix: '#1f6feb',
  resident: '#1a7f37',
}
const QUERY = 16
const COLUMNS = 2

interface Series {
  way: Way
  points: { tokens: number; ms: number }[]
}

/** A panel for each model and runtime: time to the first token by context, with the shortest query; both axes by doubling. */
export function ttftPlot({ figures, machine }: Pick<Report, 'figures' | 'machine'>): string {
  const panels = new Map<string, Map<Way, Series>>()
  for (const [name, { value }] of Object.entries(figures)) {
    const match = /^(\w+\.[\w-]+)\.c(\d+)\.q(\d+)\.(\w+)$/.exec(name)
    const way = WAYS.find((one) => one === match?.[4])
    if (match === null || way === undefined || Number(match[3]) !== QUERY) continue
    const series = panels.get(match[1]!) ?? new Map<Way, Series>()
    panels.set(match[1]!, series)
    const { points } = series.get(way) ?? series.set(way, { way, points: [] }).get(way)!
    points.push({ tokens: Number(match[2]), ms: value })
  }
  const rows = Math.ceil(panels.size / COLUMNS)
  const [width, height] = [COLUMNS * PANEL.width, rows * PANEL.height + 44]
  const drawn = [...panels].map(([title, series], at) => {
    const place = `translate(${(at % COLUMNS) * PANEL.width} ${Math.floor(at / COLUMNS) * PANEL.height})`
    return `<g transform="${place}">${panel(title, [...series.values()])}</g>`
  })
  const legend = WAYS.map((way, at) => {
    const x = 48 + at * 100
    return `<rect x="${x}" y="${height - 34}" width="12" height="4" fill="${COLOURS[way]}"/>${text(x + 17, height - 28, way)}`
  })
  const note = text(48, height - 8, `${QUERY} tokens behind the context, CPU time of one thread, ${machine.cpu}`)
  const style = 'font-family="sans-serif" font-size="11" fill="#333"'
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ${style}><rect width="${width}" height="${height}" fill="#fff"/>
${[...drawn, ...legend, note].join('\n')}
</svg>
`
}

function panel(title: string, series: readonly Series[]): string {
  const all = series.flatMap(({ points }) => points)
  const x = axis(
    all.map(({ tokens }) => tokens),
    PANEL.left,
    PANEL.width - PANEL.right,
  )
  const y = axis(
    all.map(({ ms }) => ms),
    PANEL.height - PANEL.bottom,
    PANEL.top,
  )
  const contexts = [...new Set(all.map(({ tokens }) => tokens))]
  const ticks = contexts.map((tokens) => text(x(tokens), PANEL.height - PANEL.bottom + 14, String(tokens), 'middle'))
  const levels = decades(all.map(({ ms }) => ms)).map(
    (ms) =>
      `<line x1="${PANEL.left}" x2="${PANEL.width - PANEL.right}" y1="${y(ms)}" y2="${y(ms)}" stroke="#ddd"/>${text(PANEL.left - 5, y(ms) + 4, String(ms), 'end')}`,
  )
  const lines = series.map(({ way, points }) => {
    const sorted = points.toSorted((a, b) => a.tokens - b.tokens)
    const path = sorted.map(({ tokens, ms }) => `${x(tokens)},${y(ms)}`).join(' ')
    const dots = sorted.map(
      ({ tokens, ms }) => `<circle cx="${x(tokens)}" cy="${y(ms)}" r="2.5" fill="${COLOURS[way]}"/>`,
    )
    return `<polyline points="${path}" fill="none" stroke="${COLOURS[way]}" stroke-width="1.5"/>${dots.join('')}`
  })
  const heading = text(PANEL.left, 20, `${title}: ms by tokens of context`)
  return [...levels, ...ticks, ...lines, heading].join('')
}

/** Places on a logarithmic axis; where all values are one, its middle. */
function axis(values: readonly number[], from: number, to: number): (value: number) => number {
  const [least, most] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))]
  const share = (value: number) => (most === least ? 0.5 : (Math.log(value) - least) / (most - least))
  return (value) => Number((from + share(value) * (to - from)).toFixed(1))
}

/** Powers of ten among the values. */
function decades(values: readonly number[]): number[] {
  const [least, most] = [Math.ceil(Math.log10(Math.min(...values))), Math.floor(Math.log10(Math.max(...values)))]
  return Array.from({ length: Math.max(0, most - least + 1) }, (_, at) => 10 ** (least + at))
}

const text = (x: number, y: number, content: string, anchor = 'start') =>
  `<text x="${x}" y="${y}" text-anchor="${anchor}">${content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`
