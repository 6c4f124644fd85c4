import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, startChild } from '../harness/child.ts'
import { cpuMs } from '../harness/process-usage.ts'
import type { Recorder } from '../harness/report.ts'
import { mean, percentile } from '../harness/statistics.ts'
import type { GossipOrder, GossipReady, GossipRequest, Times } from '../mip/gossip-peer.ts'

const PER_SECOND = 500
const SECONDS = 10
const ROUNDS = 3
const SETTLE_MS = 1500
const LATE_MS_MAX = 5000

interface GossipRun {
  latenciesMs: number[]
  /** Share of the messages that did not arrive, percent. */
  loss: number
  /** Of a receiver, for each message. */
  cpuMs: number
}

/** 500 messages a second to two receivers: ours, whose entries are verified, and gossipsub's own signatures, in turns. */
export async function gossip(recorder: Recorder, quick: boolean): Promise<void> {
  const runs: Record<GossipOrder['policy'], GossipRun[]> = { mip: [], strictSign: [] }
  for (let round = 1; round <= (quick ? 1 : ROUNDS); round++) {
    recorder.progress(`gossip, round ${round}`)
    for (const policy of ['mip', 'strictSign'] as const)
      runs[policy].push(await run(policy, PER_SECOND * (quick ? 3 : SECONDS)))
  }
  for (const [policy, name] of [
    ['mip', 'gossip'],
    ['strictSign', 'gossip.strictSign'],
  ] as const) {
    const all = runs[policy]
    recorder.figure(`${name}.loss`, mean(all.map(({ loss }) => loss)), '%')
    for (const [figure, share] of [
      ['p50', 0.5],
      ['p95', 0.95],
    ] as const)
      recorder.figure(
        `${name}.${figure}`,
        percentile(
          all.map(({ latenciesMs }) => percentile(latenciesMs, share)),
          0.5,
        ),
        'ms',
      )
    recorder.figure(
      `${name}.cpu`,
      percentile(
        all.map(({ cpuMs }) => cpuMs),
        0.5,
      ),
      'ms CPU of a receiver per message',
    )
  }
  const shares = runs.mip.map(({ cpuMs }, i) => (100 * cpuMs) / runs.strictSign[i]!.cpuMs)
  recorder.figure('gossip.cpuOfStrictSign', percentile(shares, 0.5), '%')
}

/** Three peers, each connected to the others; the first one publishes. */
async function run(policy: GossipOrder['policy'], messages: number): Promise<GossipRun> {
  const start = (publishes: number) =>
    startChild<GossipReady>('mip/gossip-peer.ts', { policy, publishes } satisfies GossipOrder)
  await using a = await start(messages)
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
  const before = [b, c].map(({ pid }) => cpuMs(pid))
  const sent = await ask<Times>(a, { do: 'publish', perSecond: PER_SECOND })
  const received = await arrived([b, c], messages)
  const used = [b, c].map(({ pid }, i) => cpuMs(pid) - before[i]!)
  const atMs = new Map(sent)
  const latenciesMs = received.flatMap((times) => times.map(([message, at]) => at - (atMs.get(message) ?? Number.NaN)))
  const distinct = received.reduce((sum, times) => sum + new Set(times.map(([message]) => message)).size, 0)
  return { latenciesMs, loss: 100 * (1 - distinct / (2 * new Set(atMs.keys()).size)), cpuMs: mean(used) / messages }
}

async function arrived(peers: readonly Child<GossipReady>[], messages: number): Promise<Times[]> {
  const deadline = performance.now() + LATE_MS_MAX
  for (;;) {
    const received: Times[] = []
    for (const peer of peers) received.push(await ask<Times>(peer, { do: 'received' }))
    if (received.every((times) => times.length >= messages) || performance.now() > deadline) return received
    await sleep(100)
  }
}

const ask = <T>(peer: Child<GossipReady>, request: GossipRequest) => peer.ask<T>(request)
