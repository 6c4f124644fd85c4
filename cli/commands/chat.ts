import { Command } from 'commander'
import type { Answer } from '../../sdk/endpoints.ts'
import { type Cli, examples, wholeNumber } from '../cli.ts'
import { safeText, table } from '../text.ts'

interface Options {
  model: string
  namespace?: string
  session?: string
  tokens?: number
  maxTokens?: number
  forget?: boolean
}

const COLUMNS = [
  { title: 'MODEL', flexible: true },
  { title: 'NODES', align: 'right' as const },
  { title: 'RUNNING', align: 'right' as const },
  { title: 'POSITIONS', align: 'right' as const },
  { title: 'FINGERPRINT' },
]

export const chatCommand = (cli: Cli): Command =>
  new Command('chat')
    .description('have a model of a GPU node answer with memory')
    .argument('<prompt>', 'what to say; - reads standard input')
    .option('-m, --model <name>', 'name or fingerprint, see memos models', 'default')
    .option('-n, --namespace <name>', 'where memory is looked for and kept')
    .option('-s, --session <name>', 'conversation that it belongs to')
    .option('-t, --tokens <number>', 'budget for memory, tokens; 0: none is looked for', wholeNumber)
    .option('--max-tokens <number>', 'length of the answer, tokens', wholeNumber)
    .option('--forget', 'remember nothing of it')
    .addHelpText('after', examples('chat "Where does Alice like to sit?" --session trip'))
    .action((prompt: string, options: Options) => chat(cli, prompt, options))

export const modelsCommand = (cli: Cli): Command =>
  new Command('models').description('list the models of connected GPU nodes').action(() => models(cli))

async function chat(cli: Cli, prompt: string, options: Options): Promise<void> {
  const answer = await cli.client().chat({
    model: options.model,
    messages: [{ role: 'user', content: await cli.textOf(prompt) }],
    ...(options.maxTokens !== undefined && { max_completion_tokens: options.maxTokens }),
    memos: {
      explain: true,
      remember: options.forget !== true,
      ...(options.namespace !== undefined && { namespace: options.namespace }),
      ...(options.session !== undefined && { session: options.session }),
      ...(options.tokens !== undefined && { tokens: options.tokens }),
    },
  })
  cli.show(answer, () => `${safeText(answer.choices[0]?.message.content ?? '')}\n`)
  cli.note(reportText(answer))
}

function reportText({ memos, usage }: Answer<'createChatCompletion'>): string {
  const tokens = `${usage.completion_tokens} tokens`
  if (memos === undefined) return tokens
  const kv = memos.injected.filter(({ as }) => as === 'kv').length
  const memory = `${memos.injected.length} memories (${kv} as KV)`
  return [
    `${memos.node.name}, ${memos.ms.firstToken.toFixed(0)} ms to the first token`,
    tokens,
    memory,
    ...memos.notes,
  ].join('; ')
}

async function models(cli: Cli): Promise<void> {
  const list = await cli.client().models()
  const rows = list.data.map(({ id, memos: { nodes, running, concurrency, positionsMax, fingerprint } }) => [
    id,
    String(nodes),
    `${running}/${concurrency}`,
    String(positionsMax),
    fingerprint.slice(0, 16),
  ])
  cli.show(list, () => (rows.length === 0 ? 'No GPU node is connected.\n' : table(COLUMNS, rows, cli.io.columns)))
}
