import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, startChild } from '../harness/child.ts'
import { cpuMs } from '../harness/process-usage.ts'
import type { Recorder } from '../harness/report.ts'
import { mean, percentile } from '../harness/statistics.ts'
import type { GossipOrder, GossipReady, GossipRequest, Times } from '../mip/gossip-peer.ts'

/** Where latency and loss are measured. */
const PER_SECOND = 500
/**
 * Where CPU may be compared: at the highest of these rates that both keep up with. A receiver that falls behind reads many messages at once and
 * spends less on each, so beyond that the slower one would look cheaper. Which rate it is depends on the machine and what else it does.
 */
const CPU_RATES = [400, 200, 100, 50]
const SUSTAINED_P95_MS_MAX = 100
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
  /** At each of CPU_RATES. */
  compared: LoadRun[]
}

/** Two receivers: ours, whose entries are verified, and gossipsub's own signatures, in turns, so that what else the machine does falls on both. */
export async function gossip(recorder: Recorder, quick: boolean): Promise<void> {
  const ours: GossipRun[] = []
  const theirs: GossipRun[] = []
  for (let round = 1; round <= (quick ? 1 : ROUNDS); round++) {
    recorder.progress(`gossip, round ${round}`)
    ours.push(await run('mip', quick ? 3 : SECONDS))
    theirs.push(await run('strictSign', quick ? 3 : SECONDS))
  }
  recordFull(recorder, 'gossip', ours)
  recordFull(recorder, 'gossip.strictSign', theirs)
  recordCompared(recorder, ours, theirs)
}

function recordFull(recorder: Recorder, name: string, runs: readonly GossipRun[]): void {
  const full = runs.map((one) => one.full)
  const loss = full.map((one) => one.loss)
  recorder.figure(`${name}.loss`, mean(loss), '%')
  recorder.figure(`${name}.p50`, middle(full, 'p50'), 'ms')
  recorder.figure(`${name}.p95`, middle(full, 'p95'), 'ms')
  recorder.figure(`${name}.cpuFull`, middle(full, 'cpuUs'), `µs CPU of a receiver per message, ${PER_SECOND} a second`)
}

/** Each round at the highest rate that both sustained in it. */
function recordCompared(recorder: Recorder, ours: readonly GossipRun[], theirs: readonly GossipRun[]): void {
  const isSustained = (one: LoadRun) => one.loss === 0 && one.p95 <= SUSTAINED_P95_MS_MAX
  const rounds = ours.flatMap(({ compared }, round) => {
    const at = CPU_RATES.findIndex((_, i) => isSustained(compared[i]!) && isSustained(theirs[round]!.compared[i]!))
    return at === -1 ? [] : [{ rate: CPU_RATES[at]!, ours: compared[at]!, theirs: theirs[round]!.compared[at]! }]
  })
  if (rounds.length === 0) {
    recorder.skip('gossip.cpuOfStrictSign', 'the machine is too busy for any of the rates')
    return
  }
  const rates = rounds.map(({ rate }) => rate)
  recorder.figure('gossip.cpuRate', percentile(rates, 0.5), 'messages/s that both sustain, where CPU is compared')
  for (const [name, who] of [
    ['gossip.cpu', 'ours'],
    ['gossip.strictSign.cpu', 'theirs'],
  ] as const) {
    const runs = rounds.map((round) => round[who])
    recorder.figure(name, middle(runs, 'cpuUs'), 'µs CPU of a receiver per message, at that rate')
    recorder.figure(`${name}.p95`, middle(runs, 'p95'), 'ms, at that rate')
  }
  const shares = rounds.map((round) => (100 * round.ours.cpuUs) / round.theirs.cpuUs)
  recorder.figure('gossip.cpuOfStrictSign', percentile(shares, 0.5), '%')
}

const middle = (runs: readonly LoadRun[], of: keyof LoadRun) =>
  percentile(
    runs.map((one) => one[of]),
    0.5,
  )

/** Three peers, each connected to the others; the first one publishes. */
async function run(policy: GossipOrder['policy'], seconds: number): Promise<GossipRun> {
  const loads = CPU_RATES.map((perSecond) => ({ messages: (perSecond * seconds) / 2, perSecond }))
  const full = { messages: PER_SECOND * seconds, perSecond: PER_SECOND }
  const all = WARM_UP + [full, ...loads].reduce((sum, { messages }) => sum + messages, 0)
  const start = (publishes: number) =>
    startChild<GossipReady>('mip/gossip-peer.ts', { policy, publishes } satisfies GossipOrder)
  await using a = await start(all)
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
  const compared: LoadRun[] = []
  for (const one of loads) compared.push(await load(a, [b, c], one))
  return { full: await load(a, [b, c], full), compared }
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
