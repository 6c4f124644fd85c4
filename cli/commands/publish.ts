import { Command, Option } from 'commander'
import { REVOCATION_REASONS } from '../../schemas/mip-entry.ts'
import type { Answer, Body, Item } from '../../sdk/endpoints.ts'
import { allOf, type Cli, collect, examples } from '../cli.ts'
import { CliError, EXIT } from '../failure.ts'
import { jsonOf } from '../json.ts'
import { minuteOf, table } from '../text.ts'

type PublishBody = Body<'publishMemories'>
type RevokeBody = Body<'revokePublished'>
type Published = Answer<'publishMemories'>

interface PublishOptions {
  namespace?: string
  filter?: string
  log?: string
  topic?: string[]
  redact?: boolean
  allow?: ('personal' | 'secret')[]
}

export const publishCommand = (cli: Cli): Command =>
  new Command('publish')
    .description('publish memories to a log that peers follow')
    .argument('[ids...]')
    .option('-n, --namespace <name>', 'all memories of a namespace')
    .option('--filter <json>', 'some of them')
    .option('--log <name>', 'which log')
    .option('--topic <topic>', 'beside the tags; may be repeated', collect)
    .option('--redact', 'sensitive memories go out without their sensitive passages')
    .addOption(
      new Option('--allow <sensitivity>', 'sensitive memories go out as they are; may be repeated')
        .choices(['personal', 'secret'])
        .argParser(collect as never),
    )
    .addHelpText('after', examples('publish "$CUBE" --topic ports', 'publish -n handbook --log handbook --redact'))
    .action((ids: string[], options: PublishOptions) => publish(cli, ids, options))

export const revokeCommand = (cli: Cli): Command =>
  new Command('revoke')
    .description('take published memories back; peers hide them when they hear of it')
    .argument('<ids...>', 'as they were published')
    .addOption(new Option('--reason <reason>', 'what peers are told').choices([...REVOCATION_REASONS]))
    .option('--log <name>', 'which log')
    .option('--derived', 'and what the organisation itself has made from them')
    .option('--status', 'instead: who has confirmed that they are erased there')
    .addHelpText('after', examples('revoke "$CUBE" --reason error', 'revoke "$CUBE" --status'))
    .action((ids: string[], options: RevokeOptions) => revoke(cli, ids, options))

interface RevokeOptions {
  reason?: RevokeBody['reason']
  log?: string
  derived?: boolean
  status?: boolean
}

async function publish(cli: Cli, ids: string[], { namespace, filter, ...options }: PublishOptions): Promise<void> {
  if ((ids.length === 0) === (namespace === undefined))
    throw new CliError('publish what?', { next: 'Name memories, or give --namespace.', exitCode: EXIT.usage })
  const { topic: topics, ...terms } = options
  const body: PublishBody = {
    ...terms,
    ...(topics !== undefined && { topics }),
    ...(namespace === undefined ? { cubeIds: ids } : { namespace }),
    ...(filter !== undefined && { filter: jsonOf<PublishBody['filter']>(filter, '--filter') }),
  }
  const { publishing } = cli.client()
  let made = await publishing.publish(body)
  const items = [...made.items]
  while (made.nextCursor !== null) {
    made = await publishing.publish({ ...body, cursor: made.nextCursor })
    items.push(...made.items)
  }
  cli.show({ ...made, items }, () => itemsText({ ...made, items }, cli.io.columns))
  const refused = items.filter(({ outcome }) => outcome === 'refused').length
  if (refused > 0)
    throw new CliError(`${refused} of ${items.length} were not published`, {
      next: 'Sensitive memories go out with --redact, or as they are with --allow.',
    })
}

async function revoke(cli: Cli, ids: string[], { reason, log, derived = false, status }: RevokeOptions): Promise<void> {
  if (status) return showReceipts(cli, ids)
  if (reason === undefined) throw new CliError('revoke why? Give --reason.', { exitCode: EXIT.usage })
  const scope = derived ? 'derived' : 'cube'
  const made = await cli.client().publishing.revoke({ cubeIds: ids, reason, scope, ...(log !== undefined && { log }) })
  cli.show(made, () => `Revoked ${made.revoked.length}, ${made.unchanged.length} had been before.\n`)
}

/** Receipts that came for each of some cubes. */
async function showReceipts(cli: Cli, ids: readonly string[]): Promise<void> {
  const receipts: Item<'listErasureReceipts'>[] = []
  for (const cube of ids)
    receipts.push(...(await allOf(cli.client().iterate('listErasureReceipts', { query: { cube: cube as never } }))))
  const rows = receipts.map((one) => [one.cube, one.org, one.cubes, one.renditions, one.blobs, minuteOf(one.erasedAt)])
  const counts = ['MEMORIES', 'RENDITIONS', 'BLOBS'].map((title) => ({ title, align: 'right' as const }))
  const columns = [{ title: 'CUBE' }, { title: 'ERASED BY' }, ...counts, { title: 'AT' }]
  cli.show(receipts, () => table(columns, rows, cli.io.columns))
}

function itemsText({ log, items }: Published, width: number): string {
  const rows = items.map(({ cubeId, publishedAs, outcome, reason, seq }) => [
    cubeId,
    publishedAs === cubeId ? '' : publishedAs,
    outcome,
    reason ?? (seq === null ? '' : `${log} ${seq}`),
  ])
  return table(
    [{ title: 'CUBE' }, { title: 'PUBLISHED AS' }, { title: 'OUTCOME' }, { title: 'WHERE, OR WHY NOT' }],
    rows,
    width,
  )
}
