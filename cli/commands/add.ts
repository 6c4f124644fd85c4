import { Command } from 'commander'
import { type Cli, collect } from '../cli.ts'
import { CliError, EXIT } from '../failure.ts'
import { readStdin } from '../io.ts'
import { table } from '../text.ts'

interface Options {
  namespace?: string
  user?: string
  session?: string
  speaker?: string
  saidAt?: string
  tag?: string[]
}

export const addCommand = (cli: Cli): Command =>
  new Command('add')
    .description('remember a text; - reads it from standard input')
    .argument('<text>', 'the text, or -')
    .option('-n, --namespace <name>', 'where it goes')
    .option('--user <id>', 'into the private namespace of this user')
    .option('--session <name>', 'conversation it belongs to')
    .option('--speaker <name>', 'who said it')
    .option('--said-at <moment>', 'when it was said, ISO 8601')
    .option('--tag <tag>', 'tag; may be repeated', collect)
    .action((text: string, options: Options) => add(cli, text, options))

async function add(
  cli: Cli,
  given: string,
  { namespace, user, session, speaker, saidAt, tag }: Options,
): Promise<void> {
  const text = given === '-' ? (await readStdin(cli.io)).trim() : given
  if (text.trim() === '') throw new CliError('there is no text to remember', { exitCode: EXIT.usage })
  const what = speaker === undefined ? { text } : { messages: [{ content: text, speaker }] }
  const answer = await cli.client().remember({
    ...what,
    ...(namespace !== undefined && { namespace }),
    ...(user !== undefined && { userId: user }),
    ...(session !== undefined && { session }),
    ...(saidAt !== undefined && { saidAt }),
    ...(tag !== undefined && { tags: tag }),
  })
  const rows = answer.cubes.map((cube) => [cube.cubeId, cube.namespace, cube.revision])
  const columns = [{ title: 'CUBE' }, { title: 'NAMESPACE' }, { title: 'REVISION', align: 'right' as const }]
  cli.show(answer, () => table(columns, rows, cli.io.columns))
}
