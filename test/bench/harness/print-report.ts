import type { Report } from './report.ts'

/** The report as text for people: figures, then targets, then what was left out. */
export function formatReport({ topic, commit, machine, figures, targets, skipped }: Report): string {
  const { cpu, cores, memoryGiB, node, load1m } = machine
  return [
    `${topic} @ ${commit} (${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}, load ${load1m})`,
    ...columns(Object.entries(figures).map(([name, { value, unit }]) => [name, format(value), unit])),
    ...(targets.length > 0 ? ['targets'] : []),
    ...columns(targets.map(({ name, value, target, ok }) => [name, format(value), target, ok ? 'ok' : 'MISSED'])),
    ...(skipped.length > 0 ? ['skipped'] : []),
    ...skipped.map(({ name, reason }) => `  ${name}: ${reason}`),
  ].join('\n')
}

const format = (value: number) => value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 2 : 0 })

function columns(rows: string[][]): string[] {
  const widths = rows.reduce<number[]>((widest, row) => row.map((cell, i) => Math.max(widest[i] ?? 0, cell.length)), [])
  // The second column holds numbers: aligned to the right.
  const pad = (text: string, i: number) => (i === 1 ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0))
  return rows.map((row) => `  ${row.map(pad).join('  ').trimEnd()}`)
}
