import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { MipNode } from '../../protocol/host/node.ts'
import { nodeParts } from '../../protocol/host/node-parts.ts'
import { closeNodes, NOTES, SignedLog, threatNode } from './gossip-world.ts'
import { type Measured, quantile, wait } from './measured.ts'

const FLOODER = join(import.meta.dirname, './flooder.ts')
/** Takes as much of the machine as a flooder does, and sends nothing. */
const BURNER = 'for (const end = Date.now() + 60_000; Date.now() < end; );'
const ROUNDS = 4
const CALLS_MIN = 120
const CALL_PAUSE_MS = 10

/**
 * A peer, in a process of its own, sends a hundred thousand messages as fast as it can; another one reads pages of a log meanwhile. In rounds,
 * each beside a process that is only busy, so that the rest of what the machine does falls on both alike.
 */
export async function flood(messages = 100_000): Promise<Measured> {
  const log = await SignedLog.create()
  while (log.entries.length < 64) await log.publish()
  const seen = { judged: 0, cut: 0 }
  try {
    const init = { ...nodeParts(), listen: ['/ip4/127.0.0.1/tcp/0'] }
    const gossip = { network: 'test', onFlood: () => void seen.cut++ }
    const server = await threatNode({ ...init, gossip, source: log.source, inboundConnectionsPerSecondMax: 5 })
    const validate = () => {
      seen.judged += 1
      return 'ignore' as const
    }
    server.gossip.subscribe(NOTES, { validate, receive: () => {} })
    const reader = await threatNode(init)
    await reader.dial(server.addresses(), { signal: AbortSignal.timeout(20_000) })
    const call = () => callTimes(reader, server, log)
    await call()
    const calm: number[] = []
    const flooded: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      calm.push(quantile(await besideBurner(call), 0.95))
      flooded.push(quantile(await underFlood(server, Math.ceil(messages / ROUNDS), call), 0.95))
    }
    const [before, during] = [quantile(calm, 0.5), quantile(flooded, 0.5)]
    const ratio = during / before
    return {
      figure: `p95 of others ${before.toFixed(1)} ms beside a busy process, ${during.toFixed(1)} ms under ${messages} messages (x${ratio.toFixed(2)}, median of ${ROUNDS} rounds); ${seen.judged} judged, cut off ${seen.cut} times of ${ROUNDS}`,
      isKept: ratio < 2 && seen.cut === ROUNDS && seen.judged < messages / 5,
    }
  } finally {
    await closeNodes()
  }
}

type Times = () => Promise<number[]>

async function besideBurner(call: Times): Promise<number[]> {
  const burner = spawn(process.execPath, ['-e', BURNER], { stdio: 'ignore' })
  const times = await call()
  burner.kill()
  return times
}

/** Times from the first message of a flood to its last, and at least as many as of the calm. */
async function underFlood(server: MipNode, messages: number, call: Times): Promise<number[]> {
  const args = ['--no-warnings', FLOODER, server.addresses()[0] ?? '', String(messages)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  let told = ''
  child.stdout.on('data', (data: Buffer) => {
    told += data.toString()
  })
  while (!told.includes('begin')) await wait(20)
  const times: number[] = []
  do times.push(...(await call()))
  while (!told.includes('end'))
  await closed
  return times
}

async function callTimes(reader: MipNode, server: MipNode, { org }: SignedLog): Promise<number[]> {
  const times: number[] = []
  const range = { org, log: 'main', from: { epoch: 0, seq: 0 }, limit: 64 }
  for (let n = 0; n < CALLS_MIN; n++) {
    const from = performance.now()
    await reader.remote(server.peerId).log(range, { signal: AbortSignal.timeout(30_000) })
    times.push(performance.now() - from)
    await wait(CALL_PAUSE_MS)
  }
  return times
}
