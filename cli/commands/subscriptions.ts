import { Command } from 'commander'
import type { Answer, Body, Item } from '../../sdk/endpoints.ts'
import { allOf, type Cli, collect, examples } from '../cli.ts'
import { table } from '../text.ts'

type Subscription = Item<'listMipSubscriptions'>

interface SubscribeOptions {
  log?: string
  namespace?: string
  topic?: string[]
  kind?: string[]
  about?: string
  minScore?: string
  address?: string[]
  verify?: 'strict' | 'head'
}

/** Following what others publish. */
export const subscriptionCommands = (cli: Cli): Command[] => [
  new Command('subscribe')
    .description('follow a log of another organisation into a namespace of its own')
    .argument('<did>', 'identity of the publisher, did:key:…')
    .option('--log <name>', 'which of its logs')
    .option('-n, --namespace <name>', 'a new namespace')
    .option('--topic <topic>', 'only cubes with one of these topics; may be repeated', collect)
    .option('--kind <kind>', 'only cubes with a rendition of this kind; may be repeated', collect)
    .option('--about <query>', 'only cubes whose text is about this')
    .option('--min-score <score>', 'how much so, 0 to 1')
    .option('-a, --address <address>', 'where the log may be had; may be repeated', collect)
    .option('--verify <mode>', 'strict (every signature) or head')
    .addHelpText('after', examples('subscribe "$DID" --topic ports -a https://mirror.example.org'))
    .action((did: string, options: SubscribeOptions) => subscribe(cli, did, options)),
  listing(cli),
  new Command('catch-up')
    .description('pull a subscription now')
    .argument('<id>')
    .action((id: string) => catchUp(cli, id)),
  new Command('unsubscribe')
    .description('end a subscription and erase its namespace')
    .argument('<id>')
    .action((id: string) => unsubscribe(cli, id)),
]

function listing(cli: Cli): Command {
  const command = new Command('subscriptions').description('what is followed').action(() => list(cli))
  command
    .command('show')
    .description('one subscription')
    .argument('<id>')
    .action((id: string) => show(cli, id))
  for (const [name, state] of [
    ['pause', 'paused'],
    ['resume', 'active'],
  ] as const)
    command
      .command(name)
      .description(`${name} a subscription`)
      .argument('<id>')
      .action((id: string) => change(cli, id, { state }))
  return command
}

async function subscribe(cli: Cli, did: string, options: SubscribeOptions): Promise<void> {
  const { log, namespace, topic, kind, about, minScore, address, verify } = options
  const text = about === undefined ? undefined : { query: about, ...(minScore && { minScore: Number(minScore) }) }
  const filter = { ...(topic && { topics: topic }), ...(kind && { kinds: kind }), ...(text && { text }) }
  const body: Body<'createMipSubscription'> = {
    did: did as never,
    filter,
    ...(log && { log }),
    ...(namespace && { namespace }),
    ...(address && { addresses: address }),
    ...(verify && { verify }),
  }
  const made = await cli.client().call('createMipSubscription', { body })
  cli.show(made, () => `Following ${made.log} of ${made.did} into ${made.namespace} (${made.id}).\n`)
}

async function list(cli: Cli): Promise<void> {
  const found = await allOf(cli.client().iterate('listMipSubscriptions', {}))
  cli.show(found, () => tableOf(found, cli.io.columns))
}

async function show(cli: Cli, id: string): Promise<void> {
  const one = await cli.client().call('getMipSubscription', { params: { id } })
  cli.show(one, () => tableOf([one], cli.io.columns))
}

async function change(cli: Cli, id: string, body: Body<'updateMipSubscription'>): Promise<void> {
  const one = await cli.client().call('updateMipSubscription', { params: { id }, body })
  cli.show(one, () => tableOf([one], cli.io.columns))
}

const tableOf = (found: readonly Subscription[], width: number): string =>
  table(
    [
      { title: 'ID' },
      { title: 'NAMESPACE' },
      { title: 'LOG' },
      { title: 'STATE' },
      { title: 'AT' },
      { title: 'ERROR' },
    ],
    found.map((one) => [
      one.id,
      one.namespace,
      one.log,
      one.state,
      `${one.applied.seq}/${one.read.seq}`,
      one.error ?? '',
    ]),
    width,
  )

async function catchUp(cli: Cli, id: string): Promise<void> {
  const report = await cli.client().call('catchUpMipSubscription', { params: { id } })
  cli.show(report, () => textOf(report))
}

function textOf({
  verified,
  applied,
  ingested,
  updated,
  quarantined,
  revoked,
  error,
}: Answer<'catchUpMipSubscription'>): string {
  const told = `${verified} entries verified, ${applied} applied: ${ingested} new, ${updated} updated, ${quarantined} in quarantine, ${revoked} revoked.`
  return error === null ? `${told}\n` : `${told} Not to the end: ${error}.\n`
}

async function unsubscribe(cli: Cli, id: string): Promise<void> {
  await cli.client().call('deleteMipSubscription', { params: { id } })
  cli.show({ id }, () => `Ended ${id}.\n`)
}
