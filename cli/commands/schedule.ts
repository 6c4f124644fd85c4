import { Command } from 'commander'
import type { Answer, Body, Item, Query } from '../../sdk/endpoints.ts'
import { type Cli, collect, wholeNumber } from '../cli.ts'
import { minuteOf, table } from '../text.ts'

const HOT_COLUMNS = [
  { title: 'RANK', align: 'right' as const },
  { title: 'CUBE' },
  { title: 'SCORE', align: 'right' as const },
  { title: 'HEAT', align: 'right' as const },
  { title: 'USES', align: 'right' as const },
  { title: 'LAST USE' },
]
const DECISION_COLUMNS = [
  { title: 'AT' },
  { title: 'NAMESPACE' },
  { title: 'KIND' },
  { title: 'STRATEGY' },
  { title: 'CUBE' },
  { title: 'REASON', flexible: true },
]

/** Digits of a score that people read. */
const SCORE_DIGITS = 6

export function scheduleCommand(cli: Cli): Command {
  const command = new Command('schedule').description('what is kept at hand')
  command
    .command('show')
    .description('cubes at hand in a namespace, best first')
    .argument('<namespace>')
    .action((namespace: string) => show(cli, namespace))
  command
    .command('run')
    .description('choose them anew')
    .argument('<namespace>')
    .option('--strategy <name>', 'lru, heat, semantic or label')
    .option('--query <text>', 'what memory is needed for')
    .option('--label <tag>', 'tag that is needed; may be given more than once', collect)
    .option('--max <number>', 'cubes to keep', wholeNumber)
    .action((namespace: string, options: RunOptions) => run(cli, namespace, options))
  return command
}

export function decisionsCommand(cli: Cli): Command {
  return new Command('decisions')
    .description('what the scheduler decided and why, newest first')
    .option('-n, --namespace <name>', 'of one namespace')
    .option('--kind <kind>', 'hot_set, promote, distil, demote or externalise')
    .option('--from <time>', 'not before')
    .option('--to <time>', 'not after')
    .option('-l, --limit <number>', 'decisions to show', wholeNumber, 50)
    .action((options: DecisionOptions) => decisions(cli, options))
}

async function show(cli: Cli, namespace: string): Promise<void> {
  const set = await cli.client().schedule.get(namespace)
  cli.show(set, () => hotTable(set, cli.io.columns))
}

interface RunOptions {
  strategy?: NonNullable<Body<'runSchedule'>['strategy']>
  query?: string
  label?: string[]
  max?: number
}

async function run(cli: Cli, namespace: string, { strategy, query, label, max }: RunOptions): Promise<void> {
  const set = await cli.client().schedule.run(namespace, {
    ...(strategy !== undefined && { strategy }),
    ...(query !== undefined && { query }),
    ...(label !== undefined && { labels: label }),
    ...(max !== undefined && { hotMax: max }),
  })
  cli.show(set, () => hotTable(set, cli.io.columns))
}

function hotTable({ cubes, decision }: Answer<'getSchedule'>, width: number): string {
  const rows = cubes.map(({ rank, cubeId, score, heat, accessCount, lastUsedAt }) => [
    rank,
    cubeId,
    Number(score.toPrecision(SCORE_DIGITS)),
    heat.toFixed(2),
    accessCount,
    lastUsedAt === null ? null : minuteOf(lastUsedAt),
  ])
  return `${table(HOT_COLUMNS, rows, width)}${decision === null ? '' : `${decision.reason}\n`}`
}

interface DecisionOptions extends Pick<Query<'listDecisions'>, 'namespace' | 'kind' | 'from' | 'to'> {
  limit: number
}

async function decisions(cli: Cli, { limit, ...filter }: DecisionOptions): Promise<void> {
  const found: Item<'listDecisions'>[] = []
  for await (const decision of cli.client().schedule.decisions(filter)) {
    if (found.push(decision) >= limit) break
  }
  const rows = found.map(({ at, namespace, kind, strategy, cubeId, reason }) => [
    minuteOf(at),
    namespace,
    kind,
    strategy,
    cubeId,
    reason,
  ])
  cli.show(found, () => table(DECISION_COLUMNS, rows, cli.io.columns))
}
