import { Command } from 'commander'
import type { Answer, Item } from '../../sdk/endpoints.ts'
import { type Cli, wholeNumber } from '../cli.ts'
import { dayOf, minuteOf, table } from '../text.ts'

const COLUMNS = [
  { title: 'ID' },
  { title: 'SUBJECT' },
  { title: 'PREDICATE' },
  { title: 'OBJECT', flexible: true },
  { title: 'FROM' },
  { title: 'TO' },
  { title: 'KNOWN SINCE' },
]
const LISTED_DEFAULT = 50

type Fact = Item<'listFacts'>

export function factCommand(cli: Cli): Command {
  const command = new Command('fact').description('what memories state, with the time for which it holds')
  command
    .command('list')
    .description('facts, the latest first')
    .option('-n, --namespace <name>', 'where to look')
    .option('--user <id>', 'in the private namespace of this user')
    .option('--subject <name>', 'about whom or what')
    .option('--predicate <word>', 'for instance lives_in')
    .option('--valid-at <time>', 'what held then')
    .option('--known-at <time>', 'as it was known then')
    .option('-l, --limit <number>', 'how many', wholeNumber, LISTED_DEFAULT)
    .action((options: ListOptions) => list(cli, options))
  command
    .command('show')
    .description('a fact with what it supersedes and contradicts')
    .argument('<id>')
    .action(async (id: string) => show(cli, await cli.client().facts.get(id)))
  command
    .command('add')
    .description('state a fact, with a cube as evidence')
    .argument('<cubeId>')
    .argument('<subject>')
    .argument('<predicate>')
    .argument('<object>')
    .option('--from <time>', 'since when it holds; default: when the evidence was said')
    .option('--to <time>', 'until when')
    .option('--ended', 'it is over since then')
    .action((cubeId: string, subject: string, predicate: string, object: string, options: AddOptions) =>
      add(cli, { cubeId, subject, predicate, object }, options),
    )
  command
    .command('retract')
    .description('take a fact back: it was never so')
    .argument('<id>')
    .action(async (id: string) => show(cli, await cli.client().facts.retract(id)))
  command
    .command('undo')
    .description('take apart what a fact superseded or contradicts')
    .argument('<id>')
    .option('--fact <id>', 'only the link to this one')
    .action(async (id: string, { fact }: { fact?: string }) =>
      show(cli, await cli.client().facts.undo(id, fact === undefined ? {} : { factId: fact })),
    )
  return command
}

interface ListOptions {
  namespace?: string
  user?: string
  subject?: string
  predicate?: string
  validAt?: string
  knownAt?: string
  limit: number
}

async function list(cli: Cli, { user, limit, ...query }: ListOptions): Promise<void> {
  const found: Fact[] = []
  for await (const fact of cli.client().facts.list({ ...query, ...(user !== undefined && { userId: user }) })) {
    found.push(fact)
    if (found.length >= limit) break
  }
  cli.show(found, () => tableOf(found, cli.io.columns))
}

interface AddOptions {
  from?: string
  to?: string
  ended?: boolean
}

async function add(
  cli: Cli,
  fact: { cubeId: string; subject: string; predicate: string; object: string },
  { from, to, ended }: AddOptions,
): Promise<void> {
  const made = await cli.client().facts.state({
    ...fact,
    ...(from !== undefined && { validFrom: from }),
    ...(to !== undefined && { validTo: to }),
    ...(ended !== undefined && { ended }),
  })
  show(cli, made)
}

function show(cli: Cli, fact: Answer<'getFact'>): void {
  const links = fact.links.map(
    ({ relation, factId, createdAt, undoneAt }) =>
      `${relation.replace('_', ' ')} ${factId} since ${minuteOf(createdAt)}${undoneAt === null ? '' : `, undone ${minuteOf(undoneAt)}`}\n`,
  )
  const retracted = fact.retractedAt === null ? '' : `retracted ${minuteOf(fact.retractedAt)}\n`
  cli.show(fact, () => `${tableOf([fact], cli.io.columns)}${retracted}evidence ${fact.cubeId}\n${links.join('')}`)
}

const tableOf = (facts: readonly Omit<Fact, 'links'>[], width: number): string =>
  table(
    COLUMNS,
    facts.map(({ id, subject, predicate, object, validFrom, validTo, recordedAt }) => [
      id,
      subject,
      predicate,
      object,
      dayOf(validFrom),
      validTo === null ? null : dayOf(validTo),
      minuteOf(recordedAt),
    ]),
    width,
  )
