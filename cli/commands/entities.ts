import { Command } from 'commander'
import type { Answer, Item } from '../../sdk/endpoints.ts'
import { type Cli, wholeNumber } from '../cli.ts'
import { minuteOf, table } from '../text.ts'

const COLUMNS = [
  { title: 'KEY' },
  { title: 'NAME' },
  { title: 'KIND' },
  { title: 'CUBES', align: 'right' as const },
  { title: 'ALIASES' },
]

interface Place {
  namespace: string
}

export function entityCommand(cli: Cli): Command {
  const command = new Command('entity').description('people, places, organisations and things that memories speak of')
  const placed = (one: Command) => one.option('-n, --namespace <name>', 'namespace to look into', 'default')
  placed(command.command('list'))
    .description('entities in order of their key')
    .option('--prefix <text>', 'only those whose key begins so')
    .option('--kind <kind>', 'person, place, organisation, thing or date')
    .option('-l, --limit <number>', 'at most so many', wholeNumber, 100)
    .action((options: ListOptions) => list(cli, options))
  placed(command.command('show'))
    .description('one entity: its names, facts, memories and what it is mentioned with')
    .argument('<name>')
    .action(async (name: string, { namespace }: Place) => show(cli, await cli.client().entities.get(namespace, name)))
  placed(command.command('merge'))
    .description('say that two names mean the same; split takes it back')
    .argument('<from>')
    .argument('<into>')
    .action(async (from: string, into: string, { namespace }: Place) =>
      show(cli, await cli.client().entities.merge(namespace, { from, into })),
    )
  placed(command.command('split'))
    .description('say that a name is not an alias but stands for itself')
    .argument('<alias>')
    .action(async (alias: string, { namespace }: Place) =>
      show(cli, await cli.client().entities.split(namespace, alias)),
    )
  return command
}

interface ListOptions extends Place {
  prefix?: string
  kind?: Item<'listEntities'>['kind']
  limit: number
}

async function list(cli: Cli, { namespace, prefix, kind, limit }: ListOptions): Promise<void> {
  const found: Item<'listEntities'>[] = []
  for await (const entity of cli
    .client()
    .entities.list(namespace, { ...(prefix && { prefix }), ...(kind && { kind }) })) {
    if (found.length === limit) break
    found.push(entity)
  }
  cli.show(found, () => tableOf(found, cli.io.columns))
}

function show(cli: Cli, detail: Answer<'getEntity'>): void {
  const { entity, facts, related, mentions } = detail
  cli.show(detail, () =>
    [
      tableOf([entity], cli.io.columns),
      ...facts.map(({ subject, predicate, object, validFrom, validTo }) => {
        const time =
          validTo === null ? `since ${minuteOf(validFrom)}` : `${minuteOf(validFrom)} to ${minuteOf(validTo)}`
        return `${subject} ${predicate} ${object} (${time})\n`
      }),
      ...(related.length === 0
        ? []
        : [`with ${related.map(({ key, together }) => `${key} (${together})`).join(', ')}\n`]),
      ...mentions.map(({ cubeId, saidAt }) => `${cubeId}  ${minuteOf(saidAt)}\n`),
    ].join(''),
  )
}

function tableOf(entities: readonly Item<'listEntities'>[], width: number): string {
  const rows = entities.map(({ key, name, kind, cubes, aliases }) => [key, name, kind, cubes, aliases.join(', ')])
  return table(COLUMNS, rows, width)
}
