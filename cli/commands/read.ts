import { Command } from 'commander'
import type { Answer } from '../../sdk/endpoints.ts'
import { type Cli, collect } from '../cli.ts'
import { table } from '../text.ts'

interface Options {
  turn?: string[]
  namespace?: string[]
  user?: string
  refine?: boolean
}

export const readCommand = (cli: Cli): Command =>
  new Command('read')
    .description('read a prompt: what it wants of memory')
    .argument('<prompt>', 'the prompt')
    .option(
      '--turn <text>',
      'what was said before, oldest first, user and assistant in turns; may be repeated',
      collect,
    )
    .option('-n, --namespace <name>', 'where it would be looked up; may be repeated', collect)
    .option('--user <id>', 'also in the private namespace of this user')
    .option('--refine', 'ask the configured language model as well')
    .action((prompt: string, options: Options) => read(cli, prompt, options))

async function read(cli: Cli, prompt: string, { turn = [], namespace, user, refine }: Options): Promise<void> {
  const answer = await cli.client().read({
    prompt,
    turns: turn.map((content, at) => ({ role: at % 2 === 0 ? 'user' : 'assistant', content })),
    ...(namespace !== undefined && { namespaces: namespace }),
    ...(user !== undefined && { userId: user }),
    ...(refine !== undefined && { refine }),
  })
  cli.show(answer, () =>
    table([{ title: 'FIELD' }, { title: 'VALUE', flexible: true }], rowsOf(answer), cli.io.columns),
  )
  for (const note of answer.notes) cli.note(note)
}

const rowsOf = ({ call, rewritten }: Answer<'read'>): (string | null)[][] => [
  ['means', rewritten],
  ['intent', call.intent],
  ['needs memory', `${call.needsMemory ? 'yes' : 'no'} (${call.reason})`],
  ['from', call.window.from],
  ['to', call.window.to],
  ['entities', call.entities.join(', ')],
  ['topics', call.topics.join(', ')],
  ['memory type', call.memoryType ?? 'any'],
  ['kind', call.semanticType ?? 'any'],
  ['output', call.target],
  ['read by', call.by],
]
