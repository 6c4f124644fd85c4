/**
 * `npm run demo:federation [-- --data FILE] [--http] [--nodes] [--more N]`: two organisations on one machine, each with an edge of its own, and a
 * mirror. One publishes a conversation, the other follows it, is away, comes back, reads from the mirror, forgets what is taken back. First over
 * libp2p, then over HTTP alone; --http leaves the first out. B is on workerd, with --nodes on Node too. Exits with 1 when a check does not hold.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CliError, describeFailure, EXIT, failureOf } from '../cli/failure.ts'
import { processIo } from '../cli/io.ts'
import { type Conversation, readConversations } from './demo/conversations.ts'
import { Federation } from './demo/federation.ts'
import { FederationEdge, type FederationEdgeInit } from './demo/federation-edge.ts'
import { Checks, type Way } from './demo/federation-print.ts'

const SAMPLE = join(import.meta.dirname, '../docs/samples/conversation.json')
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const ALWAYS_ON = { MEMOS_MIP_PEER: 'always-on' }
const OFF = { MEMOS_MIP_PEER: 'off' }
/** Upkeep of a process, so that what is heard of is read soon. */
const UPKEEP = { MEMOS_UPKEEP_SECONDS: '1' }

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: SAMPLE },
    more: { type: 'string', default: '500' },
    http: { type: 'boolean', default: false },
    nodes: { type: 'boolean', default: false },
  },
})
const io = processIo()

function countOf(option: 'more'): number {
  const count = Number(values[option])
  if (Number.isInteger(count) && count >= 1) return count
  throw new CliError(`--${option} expected a number of at least 1`, { exitCode: EXIT.usage })
}

async function main(): Promise<void> {
  const [conversation] = readConversations(values.data)
  if (conversation === undefined) throw new CliError(`no conversation in ${values.data}`, { exitCode: EXIT.usage })
  const more = countOf('more')
  const checks = new Checks(io)
  await using stack = new AsyncDisposableStack()
  // Interrupted in the middle, the demo still leaves nothing behind.
  for (const signal of STOP_SIGNALS)
    process.once(signal, () => stack.disposeAsync().finally(() => process.exit(EXIT.failed)))
  await show({ conversation, more, checks, ways: values.http ? ['http'] : ['libp2p', 'http'] }, stack)
  io.out(`\n${checks.held} checks hold.\n`)
}

interface Show {
  conversation: Conversation
  more: number
  checks: Checks
  ways: readonly Way[]
}

async function show({ ways, checks, ...story }: Show, stack: AsyncDisposableStack): Promise<void> {
  checks.step('Three edges start, each with data, keys and an organisation of its own')
  const overLibp2p = ways.includes('libp2p')
  const open = async (init: FederationEdgeInit) => {
    const edge = await FederationEdge.create(init)
    // Interrupted meanwhile: nobody else would clean it up.
    if (stack.disposed) await edge[Symbol.asyncDispose]()
    return stack.use(edge).open()
  }
  const a = await open({ name: 'harbour', host: 'Node', env: overLibp2p ? ALWAYS_ON : OFF })
  const org = await a.init()
  checks.note(`A is ${org}; its root key never came to the server`)
  const settings = overLibp2p ? { ...ALWAYS_ON, ...UPKEEP, MEMOS_MIP_PEERS: await a.multiaddr() } : OFF
  const [b, mirror] = await Promise.all([
    open({ name: 'lighthouse', host: values.nodes ? 'Node' : 'workerd', env: settings }),
    open({ name: 'archive', host: 'Node', env: { ...(overLibp2p ? ALWAYS_ON : OFF), MEMOS_MIRROR: 'on' } }),
  ])
  for (const way of ways) {
    if (way === 'http' && overLibp2p) {
      checks.step('The same over HTTP alone: nobody speaks libp2p any more')
      await Promise.all([a, b, mirror].map((edge) => edge.restart({ ...OFF, MEMOS_MIP_PEERS: '' })))
    }
    await new Federation({ a, b, mirror, org, way, checks, ...story }).run()
  }
}

try {
  await main()
} catch (error) {
  const failure = failureOf(error)
  io.err(describeFailure(failure))
  process.exitCode = failure.exitCode
}
