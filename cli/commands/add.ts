import { Command } from 'commander'
import type { Answer, Body } from '../../sdk/endpoints.ts'
import { type Cli, collect } from '../cli.ts'
import { table } from '../text.ts'

interface Options {
  namespace?: string
  user?: string
  session?: string
  speaker?: string
  saidAt?: string
  tag?: string[]
  plan?: boolean
  apply?: boolean
  confirm?: boolean
  refine?: boolean
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
    .option('--plan', 'show what MemReader would add, change and leave out; nothing is changed')
    .option('--apply', 'let MemReader decide what is added, changed and left out')
    .option('--confirm', 'with --apply: also forget what the text asks to forget')
    .option('--refine', 'with --plan or --apply: ask the configured language model as well')
    .action((text: string, options: Options) => add(cli, text, options))

async function add(
  cli: Cli,
  given: string,
  { namespace, user, session, speaker, saidAt, tag, plan, apply, confirm, refine }: Options,
): Promise<void> {
  const text = await cli.textOf(given)
  const what = speaker === undefined ? { text } : { messages: [{ content: text, speaker }] }
  const body: Body<'remember'> = {
    ...what,
    ...(namespace !== undefined && { namespace }),
    ...(user !== undefined && { userId: user }),
    ...(session !== undefined && { session }),
    ...(saidAt !== undefined && { saidAt }),
    ...(tag !== undefined && { tags: tag }),
    ...(refine !== undefined && { refine }),
    ...(confirm !== undefined && { confirm }),
  }
  if (plan === true || apply === true) {
    const answer =
      plan === true ? await cli.client().plan(body) : await cli.client().remember({ ...body, mode: 'plan' })
    const planned = 'operations' in answer ? answer : answer.plan
    cli.show(answer, () => planText(planned, cli.io.columns))
    for (const note of planned?.notes ?? []) cli.note(note)
    return
  }
  const answer = await cli.client().remember(body)
  const rows = answer.cubes.map((cube) => [cube.cubeId, cube.namespace, cube.revision])
  const columns = [{ title: 'CUBE' }, { title: 'NAMESPACE' }, { title: 'REVISION', align: 'right' as const }]
  cli.show(answer, () => table(columns, rows, cli.io.columns))
}

const PLAN_COLUMNS = [
  { title: 'DO' },
  { title: 'BECAUSE' },
  { title: 'TEXT', flexible: true },
  { title: 'MEMORY', flexible: true },
  { title: 'DONE' },
]

function planText(plan: Answer<'planMemories'> | undefined, width: number): string {
  const rows = (plan?.operations ?? []).map(({ op, reason, content, target, applied }) => [
    op,
    reason,
    content,
    target?.content ?? null,
    applied ? 'yes' : 'no',
  ])
  return table(PLAN_COLUMNS, rows, width)
}
