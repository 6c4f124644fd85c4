import { Command } from 'commander'
import type { Body, Item } from '../../sdk/endpoints.ts'
import { allOf, type Cli, collect, examples } from '../cli.ts'
import { minuteOf, table } from '../text.ts'

type Peer = Item<'listMipPeers'>
type Tier = Body<'setMipPeer'>['tier']

interface AddOptions {
  tier: Tier
  name?: string
  address?: string[]
}

/** Other organisations, and how far they are trusted. */
export function peerCommand(cli: Cli): Command {
  const command = new Command('peer').description('other organisations: where they are, how far they are trusted')
  command
    .command('add')
    .description('name a peer')
    .argument('<did>', 'its identity, did:key:…')
    .option('--name <name>', 'what it is called here')
    .option('--tier <tier>', 'blocked, unknown, known or trusted', 'unknown')
    .option('-a, --address <address>', 'URL of a mirror, or multiaddr; may be repeated', collect)
    .addHelpText('after', examples('peer add "$DID" --name Harbour --tier known -a https://mirror.example.org'))
    .action((did: string, options: AddOptions) => set(cli, did, bodyOf(options)))
  command
    .command('list')
    .description('peers, with what was proven of them and their mirrors')
    .action(() => list(cli))
  command
    .command('trust')
    .description('trust a peer so far; what is here of it follows')
    .argument('<did>')
    .argument('<tier>', 'blocked, unknown, known or trusted')
    .addHelpText('after', examples('peer trust "$DID" trusted'))
    .action((did: string, tier: Tier) => trust(cli, did, tier))
  command
    .command('erasures')
    .description('what was erased here because its publisher had to revoke it, and what it was told')
    .action(() => erasures(cli))
  command
    .command('remove')
    .description('forget a peer: it is unknown from then on')
    .argument('<did>')
    .action((did: string) => remove(cli, did))
  return command
}

const bodyOf = ({ tier, name, address = [] }: AddOptions): Body<'setMipPeer'> => ({
  tier,
  name: name ?? null,
  addresses: address,
})

async function set(cli: Cli, did: string, body: Body<'setMipPeer'>): Promise<void> {
  const peer = await cli.client().call('setMipPeer', { params: { did: did as never }, body })
  cli.show(peer, () => `${peer.name ?? peer.did} is ${peer.tier}.\n`)
}

async function list(cli: Cli): Promise<void> {
  const peers = await allOf(cli.client().iterate('listMipPeers', {}))
  cli.show(peers, () => tableOf(peers, cli.io.columns))
}

const tableOf = (peers: readonly Peer[], width: number): string =>
  table(
    [
      { title: 'NAME' },
      { title: 'TIER' },
      { title: 'STRIKES' },
      { title: 'MIRRORS STRUCK' },
      { title: 'NODES' },
      { title: 'DID' },
    ],
    peers.map(({ name, tier, strikes, mirrors, nodes, did }) => [
      name ?? '',
      tier,
      strikes,
      mirrors.length,
      nodes.map(({ peerId }) => peerId).join(' '),
      did,
    ]),
    width,
  )

async function trust(cli: Cli, did: string, tier: Tier): Promise<void> {
  const { name, addresses } = await cli.client().call('getMipPeer', { params: { did: did as never } })
  await set(cli, did, { name, addresses, tier })
}

async function erasures(cli: Cli): Promise<void> {
  const items = await allOf(cli.client().iterate('listMipErasures', {}))
  const rows = items.map(({ cube, of, cubes, blobs, at, answer }) => [
    cube,
    of,
    cubes,
    blobs,
    minuteOf(at),
    answer ?? 'on its way',
  ])
  const counts = ['MEMORIES', 'BLOBS'].map((title) => ({ title, align: 'right' as const }))
  const columns = [{ title: 'CUBE' }, { title: 'OF' }, ...counts, { title: 'AT' }, { title: 'ANSWER' }]
  cli.show(items, () => table(columns, rows, cli.io.columns))
}

async function remove(cli: Cli, did: string): Promise<void> {
  await cli.client().call('deleteMipPeer', { params: { did: did as never } })
  cli.show({ did }, () => `Forgot ${did}.\n`)
}
