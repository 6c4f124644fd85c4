/**
 * `npm run simulate:placement`: how many databases a fleet of organisations needs, and what keeping them balanced costs.
 * Options: --organisations 200000 --fleet 10000000 --days 365 --seed 42 --sigma 2.2 --svg FILE
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { fillHistogram, placementSvg } from './chart.ts'
import { D1_LIMITS } from './placement-policy.ts'
import { type PopulationInit, tail } from './population.ts'
import { type SimulationReport, simulate } from './simulate.ts'

const BYTES_PER_CUBE = 3000
const CUBES_MEAN = 1000
const BAR_WIDTH_MAX = 40

const { values } = parseArgs({
  options: {
    organisations: { type: 'string', default: '200000' },
    fleet: { type: 'string', default: '10000000' },
    days: { type: 'string', default: '365' },
    seed: { type: 'string', default: '42' },
    sigma: { type: 'string', default: '2.2' },
    svg: { type: 'string' },
  },
})
const init: PopulationInit = {
  organisations: Number(values.organisations),
  seed: Number(values.seed),
  days: Number(values.days),
  cubesMean: CUBES_MEAN,
  sizeSigma: Number(values.sigma),
  bytesPerCube: BYTES_PER_CUBE,
}
const fleet = Number(values.fleet)
const scale = fleet / init.organisations

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0)
const number = (value: number, digits = 0) => value.toLocaleString('en-US', { maximumFractionDigits: digits })
const percent = (value: number) => `${(100 * value).toFixed(3)} %`
const quantile = (sorted: readonly number[], share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0

function rows(report: SimulationReport): [string, string, string][] {
  const { days, databases } = report
  const moves = sum(days.map((day) => day.moves)) / days.length
  const bytesMoved = sum(days.map((day) => day.bytesMoved)) / days.length
  const databaseDays = sum(days.map((day) => day.databases))
  const perDatabase = [...report.organisationsPerDatabase].sort((a, b) => a - b)
  const { largest, above } = tail(init, fleet, D1_LIMITS.capacity.bytes / init.bytesPerCube)
  const each = (value: number, unit = '', digits = 0): [string, string] => [
    number(value, digits) + unit,
    number(value * scale, digits) + unit,
  ]
  return [
    ['organisations', ...each(init.organisations)],
    ['bytes stored', ...each(sum(databases.map((one) => one.bytes)) / 1e12, ' TB', 1)],
    ['databases', ...each(databases.length)],
    [
      'mean fill',
      percent(sum(databases.map((one) => one.bytes)) / databases.length / D1_LIMITS.capacity.bytes),
      'same',
    ],
    [
      'organisations per database, median and p95',
      `${number(quantile(perDatabase, 0.5))}, ${number(quantile(perDatabase, 0.95))}`,
      'same',
    ],
    ['moves per day', ...each(moves, '', 1)],
    ['moved per day', ...each(bytesMoved / 1e9, ' GB', 1)],
    ['database-days over the time budget', percent(sum(days.map((day) => day.hot)) / databaseDays), 'same'],
    ['database-days over 10 GB', percent(sum(days.map((day) => day.overfull)) / databaseDays), 'same'],
    ['organisations over 10 GB', number(report.tooLarge), `${number(above)} (drawn)`],
    ['organisations over the time budget, last day', ...each(report.tooBusy)],
    [
      'largest organisation',
      `${number(report.largestBytes / 1e9, 1)} GB`,
      `${number((largest * init.bytesPerCube) / 1e9, 1)} GB (drawn)`,
    ],
  ]
}

const report = simulate(init, D1_LIMITS)
const lines = [
  `seed ${init.seed}, ${init.days} days, sigma ${init.sizeSigma}, ${BYTES_PER_CUBE} bytes per cube; fleet column = simulated x ${scale}, except where "drawn"`,
  ...[['', 'simulated', 'fleet'], ...rows(report)].map(
    ([name = '', simulated = '', scaled = '']) => name.padEnd(46) + simulated.padStart(16) + scaled.padStart(20),
  ),
  'databases by fill, last day',
]
const histogram = fillHistogram(report, D1_LIMITS)
for (const [at, count] of histogram.entries()) {
  lines.push(
    `${String(at * 10).padStart(4)} % ${'#'.repeat(Math.ceil((BAR_WIDTH_MAX * count) / Math.max(...histogram)))} ${count}`,
  )
}
process.stdout.write(`${lines.join('\n')}\n`)
if (values.svg !== undefined) {
  const caption = `${number(init.organisations)} of ${number(fleet)} organisations simulated, seed ${init.seed}`
  await writeFile(values.svg, placementSvg(report, D1_LIMITS, caption))
}
