import type { PlacementLimits } from './placement-policy.ts'
import type { SimulationReport } from './simulate.ts'

const BUCKETS = 10
const [WIDTH, HEIGHT, MARGIN] = [720, 260, 40]
const BAR_COLOUR = '#2f6f9f'

/** Databases per tenth of fill, the last bucket with everything above 90 %. */
export function fillHistogram({ databases }: SimulationReport, { capacity }: PlacementLimits): number[] {
  const counts = new Array<number>(BUCKETS).fill(0)
  for (const { bytes } of databases) {
    const bucket = Math.min(BUCKETS - 1, Math.floor((bytes / capacity.bytes) * BUCKETS))
    counts[bucket] = (counts[bucket] ?? 0) + 1
  }
  return counts
}

/** Two panels: how full the databases are on the last day, and how their number grew. */
export function placementSvg(report: SimulationReport, limits: PlacementLimits, caption: string): string {
  const half = WIDTH / 2
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11" fill="#333">`,
    `<title>${caption}</title><rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    bars(fillHistogram(report, limits), half),
    line(
      report.days.map((day) => day.databases),
      half,
    ),
    `<text x="${MARGIN}" y="${HEIGHT - 4}" fill="#777">${caption}</text></svg>\n`,
  ].join('\n')
}

function bars(counts: readonly number[], width: number): string {
  const step = (width - 2 * MARGIN) / counts.length
  const most = Math.max(...counts, 1)
  const rects = counts.map((count, at) => {
    const height = ((HEIGHT - 3 * MARGIN) * count) / most
    const x = MARGIN + at * step
    const y = HEIGHT - 1.5 * MARGIN - height
    return `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${(step - 2).toFixed(1)}" height="${height.toFixed(1)}" fill="${BAR_COLOUR}"/><text x="${x.toFixed(1)}" y="${(y - 4).toFixed(1)}">${count}</text><text x="${x.toFixed(1)}" y="${HEIGHT - 1.5 * MARGIN + 14}">${at * 10}%</text>`
  })
  return `<text x="${MARGIN}" y="20" font-weight="bold">Databases by fill, last day</text>\n${rects.join('\n')}`
}

function line(values: readonly number[], left: number): string {
  const most = Math.max(...values, 1)
  const width = WIDTH - left - 2 * MARGIN
  const points = values.map((value, at) => {
    const x = left + MARGIN + (width * at) / Math.max(1, values.length - 1)
    const y = HEIGHT - 1.5 * MARGIN - ((HEIGHT - 3 * MARGIN) * value) / most
    return `${x.toFixed(1)},${y.toFixed(1)}`
  })
  return [
    `<text x="${left + MARGIN}" y="20" font-weight="bold">Databases over time (last day: ${values.at(-1)})</text>`,
    `<polyline fill="none" stroke="${BAR_COLOUR}" stroke-width="2" points="${points.join(' ')}"/>`,
    `<text x="${left + MARGIN}" y="${HEIGHT - 1.5 * MARGIN + 14}">day 1</text><text x="${WIDTH - 2 * MARGIN}" y="${HEIGHT - 1.5 * MARGIN + 14}">day ${values.length}</text>`,
  ].join('\n')
}
