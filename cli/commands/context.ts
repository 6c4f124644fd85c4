import { Command } from 'commander'
import { type Cli, wholeNumber } from '../cli.ts'
import { addRetrievalOptions, noteRetrieval, type RetrievalOptions, retrievalScope } from '../retrieval-options.ts'
import { safeText } from '../text.ts'

interface Options extends RetrievalOptions {
  tokens?: number
}

export const contextCommand = (cli: Cli): Command =>
  addRetrievalOptions(
    new Command('context').description('pack memories for a prompt').argument('<query>', 'what the prompt is about'),
  )
    .option('-t, --tokens <number>', 'budget, tokens', wholeNumber)
    .action((query: string, options: Options) => context(cli, query, options))

async function context(cli: Cli, query: string, options: Options): Promise<void> {
  const answer = await cli.client().context({
    query,
    ...retrievalScope(options),
    ...(options.tokens !== undefined && { tokens: options.tokens }),
  })
  cli.show(answer, () => `${safeText(answer.text)}\n`)
  cli.note(
    `${answer.tokens} tokens from ${answer.citations.length} ${answer.citations.length === 1 ? 'memory' : 'memories'}`,
  )
  noteRetrieval(cli, answer)
}
