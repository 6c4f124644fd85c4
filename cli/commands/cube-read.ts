import type { Command } from 'commander'
import type { Item, Query } from '../../sdk/endpoints.ts'
import { allOf, type Cli, examples, wholeNumber } from '../cli.ts'
import { cubeText } from '../cube-options.ts'
import { dayOf, minuteOf, table } from '../text.ts'

const COLUMNS = [{ title: 'SAID' }, { title: 'STATE' }, { title: 'MEMORY', flexible: true }, { title: 'CUBE' }]
const REVISION_COLUMNS = [
  { title: 'REVISION', align: 'right' as const },
  { title: 'MODE' },
  { title: 'AT' },
  { title: 'BY' },
  { title: 'CID' },
]
const TAG_COLUMNS = [
  { title: 'KEY' },
  { title: 'NAME', flexible: true },
  { title: 'KIND' },
  { title: 'COUNT', align: 'right' as const },
]
const LISTED_DEFAULT = 50

/** `cube list`, `show`, `revisions`, `provenance` and `tags`. */
export function addCubeReads(cli: Cli, command: Command): void {
  command
    .command('list')
    .description('memories of a namespace, newest first')
    .option('-n, --namespace <name>', 'where to look')
    .option('--user <id>', 'in the private namespace of this user')
    .option('--tag <tag>', 'only those with this tag')
    .option('--session <name>', 'only those of this conversation')
    .option('--archived', 'also archived ones')
    .option('--as-of <point>', 'as it stood: a time, snapshot:NAME or branch:NAME')
    .option('-l, --limit <number>', 'at most so many', wholeNumber, LISTED_DEFAULT)
    .addHelpText('after', examples('cube list -n team --tag travel'))
    .action((options: ListOptions) => list(cli, options))
  command
    .command('show')
    .description('a memory: its text and what is known of it')
    .argument('<id>')
    .option('--as-of <point>', 'as it stood: a time, snapshot:NAME or branch:NAME')
    .addHelpText('after', examples('cube show "$CUBE"', 'cube show "$CUBE" --as-of branch:what-if'))
    .action((id: string, { asOf }: { asOf?: string }) => show(cli, id, asOf))
  command
    .command('revisions')
    .description('revisions of a memory, newest first')
    .argument('<id>')
    .addHelpText('after', examples('cube revisions "$CUBE"'))
    .action((id: string) => revisions(cli, id))
  command
    .command('provenance')
    .description('where a memory came from')
    .argument('<id>')
    .addHelpText('after', examples('cube provenance "$CUBE"'))
    .action((id: string) => provenance(cli, id))
  command
    .command('tags')
    .description('predicted tags of a memory: the people, places and things that it speaks of')
    .argument('<id>')
    .addHelpText('after', examples('cube tags "$CUBE"'))
    .action((id: string) => tags(cli, id))
}

interface ListOptions extends Pick<Query<'listCubes'>, 'namespace' | 'tag' | 'session' | 'asOf'> {
  user?: string
  archived?: boolean
  limit: number
}

async function list(cli: Cli, { user, archived, limit, ...query }: ListOptions): Promise<void> {
  const found: Item<'listCubes'>[] = []
  for await (const cube of cli.client().cubes.list({ ...query, userId: user, includeArchived: archived })) {
    if (found.length === limit) break
    found.push(cube)
  }
  const rows = found.map(({ cubeId, content, descriptive, behavioural }) => [
    dayOf(descriptive.saidAt),
    behavioural.state,
    descriptive.title ?? content ?? `(${descriptive.memoryType})`,
    cubeId,
  ])
  cli.show(found, () => (rows.length === 0 ? 'No memories.\n' : table(COLUMNS, rows, cli.io.columns)))
}

async function show(cli: Cli, id: string, asOf: string | undefined): Promise<void> {
  const cube = await cli.client().cubes.get(id, { asOf })
  cli.show(cube, () => cubeText(cube, cli.io.columns))
}

async function revisions(cli: Cli, id: string): Promise<void> {
  const found = await allOf(cli.client().cubes.revisions(id))
  const rows = found.map(({ number, mode, createdAt, author, cid }) => [number, mode, minuteOf(createdAt), author, cid])
  cli.show(found, () => table(REVISION_COLUMNS, rows, cli.io.columns))
}

async function provenance(cli: Cli, id: string): Promise<void> {
  const found = await cli.client().cubes.provenance(id)
  const { origin, lineage, chain, provenanceId } = found
  const rows = chain.map(({ number, mode, createdAt, author, cid }) => [number, mode, minuteOf(createdAt), author, cid])
  const parents = lineage.map(({ relation, cid }) => `${relation} from ${cid}\n`)
  const source = `${provenanceId}: ${origin.kind}${origin.ref === null ? '' : ` (${origin.ref})`}\n`
  cli.show(found, () => [source, ...parents, table(REVISION_COLUMNS, rows, cli.io.columns)].join(''))
}

async function tags(cli: Cli, id: string): Promise<void> {
  const { items } = await cli.client().entities.ofCube(id)
  const rows = items.map(({ key, name, kind, count }) => [key, name, kind, count])
  cli.show(items, () => (rows.length === 0 ? 'No predicted tags.\n' : table(TAG_COLUMNS, rows, cli.io.columns)))
}
