import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, startChild } from '../harness/child.ts'
import { cpuMs } from '../harness/process-usage.ts'
import type { Recorder } from '../harness/report.ts'
import { mean, percentile } from '../harness/statistics.ts'
import type { GossipOrder, GossipReady, GossipRequest, Times } from '../mip/gossip-peer.ts'

/** Where latency and loss are measured. */
const PER_SECOND = 500
/**
 * Where CPU is compared: a rate that both keep up with. A receiver that falls behind reads many messages at once and spends less on each, so
 * at 500 a second the one that was slower would look cheaper.
 */
const CPU_PER_SECOND = 300
const SECONDS = 10
const ROUNDS = 3
/** Before anything is measured, so that what is measured has been compiled. */
const WARM_UP = 2000
const SETTLE_MS = 1500
const LATE_MS_MAX = 5000

interface Load {
  messages: number
  perSecond: number
}

interface LoadRun {
  p50: number
  p95: number
  /** Share of the messages that did not arrive, percent. */
  loss: number
  /** Of a receiver, for each message. */
  cpuUs: number
}

interface GossipRun {
  /** At PER_SECOND. */
  full: LoadRun
  /** At CPU_PER_SECOND. */
  compared: LoadRun
}

/** Two receivers: ours, whose entries are verified, and gossipsub's own signatures, in turns, so that what else the machine does falls on both. */
export async function gossip(recorder: Recorder, quick: boolean): Promise<void> {
  const runs: Record<GossipOrder['policy'], GossipRun[]> = { mip: [], strictSign: [] }
  for (let round = 1; round <= (quick ? 1 : ROUNDS); round++) {
    recorder.progress(`gossip, round ${round}`)
    for (const policy of ['mip', 'strictSign'] as const) runs[policy].push(await run(policy, quick ? 3 : SECONDS))
  }
  for (const [policy, name] of [
    ['mip', 'gossip'],
    ['strictSign', 'gossip.strictSign'],
  ] as const) {
    const all = runs[policy]
    const middle = (of: (one: GossipRun) => number) => percentile(all.map(of), 0.5)
    recorder.figure(`${name}.loss`, mean(all.map(({ full }) => full.loss)), '%')
    recorder.figure(
      `${name}.p50`,
      middle(({ full }) => full.p50),
      'ms',
    )
    recorder.figure(
      `${name}.p95`,
      middle(({ full }) => full.p95),
      'ms',
    )
    recorder.figure(
      `${name}.cpu`,
      middle(({ compared }) => compared.cpuUs),
      `µs CPU of a receiver per message, ${CPU_PER_SECOND} a second`,
    )
    recorder.figure(
      `${name}.cpu.p95`,
      middle(({ compared }) => compared.p95),
      `ms, ${CPU_PER_SECOND} a second: it keeps up`,
    )
    recorder.figure(
      `${name}.cpuFull`,
      middle(({ full }) => full.cpuUs),
      `µs CPU of a receiver per message, ${PER_SECOND} a second`,
    )
  }
  const shares = runs.mip.map(({ compared }, i) => (100 * compared.cpuUs) / runs.strictSign[i]!.compared.cpuUs)
  recorder.figure('gossip.cpuOfStrictSign', percentile(shares, 0.5), '%')
}

/** Three peers, each connected to the others; the first one publishes. */
async function run(policy: GossipOrder['policy'], seconds: number): Promise<GossipRun> {
  const compared = { messages: CPU_PER_SECOND * seconds, perSecond: CPU_PER_SECOND }
  const full = { messages: PER_SECOND * seconds, perSecond: PER_SECOND }
  const start = (publishes: number) =>
    startChild<GossipReady>('mip/gossip-peer.ts', { policy, publishes } satisfies GossipOrder)
  await using a = await start(WARM_UP + compared.messages + full.messages)
  await using b = await start(0)
  await using c = await start(0)
  for (const [from, to] of [
    [a, b],
    [a, c],
    [b, c],
  ] as const)
    await ask(from, { do: 'dial', address: to.ready.address })
  for (const peer of [a, b, c]) while ((await ask<number>(peer, { do: 'subscribers' })) < 2) await sleep(50)
  await sleep(SETTLE_MS)
  await load(a, [b, c], { messages: WARM_UP, perSecond: PER_SECOND })
  return { compared: await load(a, [b, c], compared), full: await load(a, [b, c], full) }
}

async function load(
  publisher: Child<GossipReady>,
  receivers: readonly Child<GossipReady>[],
  { messages, perSecond }: Load,
): Promise<LoadRun> {
  const before = receivers.map(({ pid }) => cpuMs(pid))
  const sent = await ask<Times>(publisher, { do: 'publish', count: messages, perSecond })
  const received = await arrived(receivers, sent)
  const usedMs = receivers.map(({ pid }, i) => cpuMs(pid) - before[i]!)
  const atMs = new Map(sent)
  const latenciesMs = received.flatMap((times) => times.map(([message, at]) => at - atMs.get(message)!))
  const distinct = received.reduce((sum, times) => sum + new Set(times.map(([message]) => message)).size, 0)
  return {
    p50: percentile(latenciesMs, 0.5),
    p95: percentile(latenciesMs, 0.95),
    loss: 100 * (1 - distinct / (receivers.length * atMs.size)),
    cpuUs: (1000 * mean(usedMs)) / messages,
  }
}

/** What came of the messages that were sent, once all have come or time is up. */
async function arrived(peers: readonly Child<GossipReady>[], sent: Times): Promise<Times[]> {
  const wanted = new Set(sent.map(([message]) => message))
  const deadline = performance.now() + LATE_MS_MAX
  for (;;) {
    const received: Times[] = []
    for (const peer of peers)
      received.push((await ask<Times>(peer, { do: 'received' })).filter(([message]) => wanted.has(message)))
    if (received.every((times) => times.length >= wanted.size) || performance.now() > deadline) return received
    await sleep(100)
  }
}

const ask = <T>(peer: Child<GossipReady>, request: GossipRequest) => peer.ask<T>(request)
