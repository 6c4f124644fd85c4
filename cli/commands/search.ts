import { Command } from 'commander'
import type { Answer } from '../../sdk/endpoints.ts'
import { type Cli, wholeNumber } from '../cli.ts'
import { addRetrievalOptions, noteRetrieval, type RetrievalOptions, retrievalScope } from '../retrieval-options.ts'
import { dayOf, table } from '../text.ts'

interface Options extends RetrievalOptions {
  limit?: number
  explain?: boolean
}

const COLUMNS = [
  { title: 'SCORE', align: 'right' as const },
  { title: 'SAID' },
  { title: 'SPEAKER' },
  { title: 'MEMORY', flexible: true },
  { title: 'CUBE' },
]

export const searchCommand = (cli: Cli): Command =>
  addRetrievalOptions(new Command('search').description('find memories').argument('<query>', 'words or a question'))
    .option('-l, --limit <number>', 'number of results', wholeNumber)
    .option('--explain', 'show the parts of each score')
    .action((query: string, options: Options) => search(cli, query, options))

async function search(cli: Cli, query: string, options: Options): Promise<void> {
  const answer = await cli.client().search({
    query,
    ...retrievalScope(options),
    ...(options.limit !== undefined && { limit: options.limit }),
    ...(options.explain !== undefined && { explain: options.explain }),
  })
  cli.show(answer, () => resultsText(answer, cli.io.columns))
  noteRetrieval(cli, answer)
}

function resultsText({ results }: Answer<'search'>, width: number): string {
  if (results.length === 0) return 'Nothing found.\n'
  const rows = results.map(({ cube, score }) => [
    score.toFixed(3),
    dayOf(cube.descriptive.saidAt),
    cube.descriptive.speaker,
    cube.content ?? `(${cube.descriptive.memoryType})`,
    cube.cubeId,
  ])
  const parts = results.flatMap(({ explain }, i) => (explain === undefined ? [] : [explainText(i + 1, explain)]))
  return table(COLUMNS, rows, width) + parts.join('')
}

const explainText = (rank: number, parts: Record<string, number>): string =>
  `  ${rank}: ${Object.entries(parts)
    .filter(([name, value]) => name !== 'score' && value !== 0)
    .map(([name, value]) => `${name} ${value.toFixed(3)}`)
    .join(', ')}\n`
