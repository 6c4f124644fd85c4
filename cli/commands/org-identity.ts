import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import type { OpenedEntry } from '../../protocol/core/entry.ts'
import { BASE64URL } from '../../protocol/core/object-view.ts'
import {
  endAfter,
  type MainEnd,
  rootDid,
  signAsRoot,
  signDelegate,
  signGenesis,
  signGrant,
  signRotation,
} from '../../protocol/core/root-entries.ts'
import { type Signed, toWire } from '../../protocol/core/signed.ts'
import type { Did } from '../../schemas/did.ts'
import { MIP_CLOCK_SKEW_MS_MAX, MIP_DELEGATION_MS_MAX } from '../../schemas/limits-mip.ts'
import type { DelegationCommand } from '../../schemas/mip-delegation.ts'
import { MAIN_LOG } from '../../schemas/mip-entry.ts'
import type { Answer } from '../../sdk/endpoints.ts'
import { type Cli, examples, wholeNumber } from '../cli.ts'
import { CliError, EXIT } from '../failure.ts'
import {
  newRoot,
  newSeed,
  type RootFile,
  readRoot,
  replaceRoot,
  rewriteRoot,
  seedOf,
  signerOf,
  writeNewRoot,
} from '../mip/root-file.ts'
import { Twin } from '../mip/twin.ts'
import { minuteOf, table } from '../text.ts'

const DAY_MS = 86_400_000
const DAYS_MAX = MIP_DELEGATION_MS_MAX / DAY_MS

type Identity = Answer<'getMipIdentity'>

interface KeyFile {
  keyFile: string
}

/** `org init`, `show`, `rotate`, `delegate` and `revoke-key`: who an organisation is among peers. The root signs here and is never sent. */
export function addIdentityCommands(cli: Cli, command: Command): void {
  const withFile = (name: string, what: string) =>
    command
      .command(name)
      .description(what)
      .requiredOption('-k, --key-file <file>', 'file of the root key; it stays here, keep it offline')
  withFile('init', 'give the organisation an identity; makes its root key')
    .option(
      '--days <number>',
      'how long the server may publish before memos org delegate renews it',
      wholeNumber,
      DAYS_MAX,
    )
    .addHelpText('after', examples('org init --key-file /media/usb/acme.root.json'))
    .action((options: KeyFile & { days: number }) => init(cli, options))
  command
    .command('show')
    .description('who the organisation is among peers, its keys and its logs')
    .action(() => show(cli))
  withFile('rotate', 'hand over to the next root key, and make the one after it').action((options: KeyFile) =>
    rotate(cli, options),
  )
  withFile('delegate', 'let the server publish, or go on publishing')
    .option('--days <number>', 'for how long', wholeNumber, DAYS_MAX)
    .option('--log <name>', 'only to this log')
    .option('--to <did>', 'another key than the one of this server')
    .option('--serve', 'let the node of this server speak for the organisation to peers, instead of publishing')
    .action((options: DelegateOptions) => delegate(cli, options))
  withFile('revoke-key', 'take back the right to publish')
    .argument('<delegation>', 'its address, as memos org show lists it')
    .option('--log <name>', 'in which log; default: every log there is')
    .action((address: string, options: KeyFile & { log?: string }) => revokeKey(cli, address, options))
}

interface DelegateOptions extends KeyFile {
  days: number
  log?: string
  to?: string
  serve?: boolean
}

async function init(cli: Cli, { keyFile, days }: KeyFile & { days: number }): Promise<void> {
  const { publishing } = cli.client()
  const { org, publishingKey } = await publishing.identity()
  if (org !== null) throw new CliError(`the organisation is ${org} already`, { next: 'See memos org show.' })
  const root = newRoot()
  // Before anything is sent: an identity whose key is lost is lost.
  await writeNewRoot(keyFile, root)
  const nowMs = Date.now()
  const signer = signerOf(root, nowMs)
  const genesis = await signGenesis(seedOf(root.next), signer)
  const { grant, entry } = await granted(root, endAfter(genesis), {
    aud: publishingKey,
    cmd: '/mip/log/append',
    days,
    nowMs,
  })
  const made = await publishing.init({ entries: wires(genesis, entry), delegations: wires(grant) })
  await rewriteRoot(keyFile, { ...root, end: placeOf(entry) })
  cli.show(made, () => identityText(made, cli.io.columns))
  cli.note(`The root key is in ${keyFile}. Take it off this machine: whoever has it speaks for the organisation.`)
}

async function show(cli: Cli): Promise<void> {
  const identity = await cli.client().publishing.identity()
  cli.show(identity, () => identityText(identity, cli.io.columns))
}

async function rotate(cli: Cli, { keyFile }: KeyFile): Promise<void> {
  const { root, end } = await opened(cli, keyFile)
  const after = newSeed()
  const entry = await signRotation(end, seedOf(root.next), seedOf(after), signerOf(root, Date.now()))
  let made: Identity | undefined
  await replaceRoot(keyFile, { ...root, root: root.next, next: after, end: placeOf(entry) }, async () => {
    made = await cli.client().publishing.append({ entries: wires(entry) })
  })
  cli.show(made, () => `Root is now ${made?.root}.\n`)
  cli.note(`${keyFile} holds the new root key. Rights to publish stay in force until they end or are revoked.`)
  cli.note('A node that serves needs a new right from this root: memos org delegate --serve.')
}

async function delegate(cli: Cli, { keyFile, days, log, to, serve = false }: DelegateOptions): Promise<void> {
  if (serve && log !== undefined) throw new CliError('--log has no meaning with --serve', { exitCode: EXIT.usage })
  const { root, end } = await opened(cli, keyFile)
  const { publishing } = cli.client()
  const { publishingKey, nodeKey } = await publishing.identity()
  const aud = (to ?? (serve ? nodeKey : publishingKey)) as Did
  const cmd = serve ? '/mip/serve' : '/mip/log/append'
  const options = { aud, cmd, days, nowMs: Date.now(), ...(log !== undefined && { log }) } as const
  const { grant, entry } = await granted(root, end, options)
  const made = await publishing.append({ entries: wires(entry), delegations: wires(grant) })
  await rewriteRoot(keyFile, { ...root, end: placeOf(entry) })
  cli.show(made, () => identityText(made, cli.io.columns))
}

async function revokeKey(cli: Cli, address: string, { keyFile, log }: KeyFile & { log?: string }): Promise<void> {
  const { root, end } = await opened(cli, keyFile)
  const { publishing } = cli.client()
  const { logs, delegations } = await publishing.identity()
  const found = delegations.find((one) => one.address === address)
  // A right to serve has no place in a log: one entry ends it everywhere.
  const ofLogs = logs.filter((one) => (log === undefined ? true : one.log === log))
  const named = found?.command === '/mip/serve' ? [{ log: null, seq: 0 }] : ofLogs
  if (found === undefined || named.length === 0)
    throw new CliError('there is no such delegation or log', { next: 'See memos org show.', exitCode: EXIT.usage })
  const entries: OpenedEntry[] = []
  let at = end
  for (const { log: name, seq } of named) {
    // What stands stays; in the main log these very entries come after it.
    const sum = { delegation: found.address, log: name, lastSeq: seq }
    const entry = await signAsRoot(at, { op: 'org.revoke-key', sum }, signerOf(root, Date.now()))
    entries.push(entry)
    at = endAfter(entry)
  }
  const made = await publishing.append({ entries: wires(...entries) })
  await rewriteRoot(keyFile, { ...root, end: placeOf(entries.at(-1)!) })
  cli.show(made, () => identityText(made, cli.io.columns))
}

/**
 * The root, and the verified end of its main log as the server has it.
 * @throws CliError also when the server has less than was there before: what would be signed now would contradict it for ever
 */
async function opened(cli: Cli, keyFile: string): Promise<{ root: RootFile; end: MainEnd }> {
  const root = await readRoot(keyFile)
  const { state, entries } = await new Twin(cli).log(root.org, MAIN_LOG, Date.now())
  const { end } = root
  const isThere = end === null || entries.some(({ cid }) => cid === end.cid)
  if (!isThere)
    throw new CliError('the server has less of the main log than there was before', {
      next: 'Do not sign: its database is perhaps a restored backup. Restore the log from a replica first.',
    })
  if (state.authority?.root !== rootDid(seedOf(root.root)))
    throw new CliError(`${keyFile} holds another root key than the one in force`, { next: 'Look for a later file.' })
  return { root, end: { org: root.org, epoch: state.epoch, seq: state.seq, cid: state.cid } }
}

interface GrantOptions {
  aud: Did
  cmd: DelegationCommand
  days: number
  nowMs: number
  log?: string
}

async function granted(root: RootFile, end: MainEnd, { aud, cmd, days, nowMs, log }: GrantOptions) {
  if (days < 1 || days > DAYS_MAX) throw new CliError(`--days expected 1 to ${DAYS_MAX}`, { exitCode: EXIT.usage })
  const signer = signerOf(root, nowMs)
  // The clock of the server may be a little behind; 90 days count from the start.
  const nbf = nowMs - MIP_CLOCK_SKEW_MS_MAX
  const exp = Math.min(nowMs + days * DAY_MS, nbf + MIP_DELEGATION_MS_MAX)
  const nonce = new Uint8Array(randomBytes(16))
  const pol = log === undefined ? {} : { log }
  const grant = await signGrant({ org: root.org, aud, cmd, pol, nbf, exp, nonce }, signer)
  return { grant, entry: await signDelegate(end, grant, signer) }
}

const wires = (...signed: Pick<Signed, 'bytes' | 'signature'>[]): string[] =>
  signed.map((one) => BASE64URL.toText(toWire(one)))
const placeOf = ({ entry, cid }: OpenedEntry) => ({ epoch: entry.epoch, seq: entry.seq, cid })

function identityText(
  { org, root, publishingKey, nodeKey, peerId, delegations, logs }: Identity,
  width: number,
): string {
  const facts = [
    ['organisation', org ?? 'none yet: memos org init'],
    ['root', root ?? '-'],
    ['this server', publishingKey],
    ['peer id', peerId],
  ]
  const head = facts.map(([name, value]) => `${name?.padEnd(13)} ${value}\n`).join('')
  const keys = delegations.map(({ address, key, command, log, expiresAt, revoked }) => [
    address,
    key === publishingKey || key === nodeKey ? 'this server' : key,
    command === '/mip/serve' ? 'serves' : (log ?? 'any'),
    revoked ? 'revoked' : minuteOf(expiresAt),
  ])
  const rows = logs.map(({ log, epoch, seq, stopped }) => [log, epoch, seq + 1, stopped ?? ''])
  const keyColumns = [{ title: 'DELEGATION' }, { title: 'KEY' }, { title: 'LOG' }, { title: 'UNTIL' }]
  const logColumns = [
    { title: 'LOG' },
    { title: 'EPOCH', align: 'right' as const },
    { title: 'ENTRIES', align: 'right' as const },
    { title: 'STOPPED' },
  ]
  return `${head}\n${table(keyColumns, keys, width)}\n${table(logColumns, rows, width)}`
}
