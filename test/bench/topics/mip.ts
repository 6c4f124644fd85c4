import type { VerifyMode } from '../../../protocol/core/log-apply.ts'
import type { Did } from '../../../schemas/did.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { type Child, startChild } from '../harness/child.ts'
import { installPeers, runPeer } from '../harness/peer-packages.ts'
import { cpuMs } from '../harness/process-usage.ts'
import type { Recorder } from '../harness/report.ts'
import { percentile } from '../harness/statistics.ts'
import type { CatchUp, FollowerOrder, FollowerReady } from '../mip/follower.ts'
import type { PublisherOrder, PublisherReady } from '../mip/publisher.ts'
import type { CatchUpRun } from '../peers/catch-up-run.ts'
import { gossip } from './mip-gossip.ts'
import { idlePeers, stalledReader } from './mip-upkeep.ts'
import type { BenchOptions } from './topic.ts'

const ENTRIES = 10_000
const ROUNDS = 3
const WAYS: [name: string, mode: VerifyMode, transport: 'libp2p' | 'http'][] = [
  ['libp2p.strict', 'strict', 'libp2p'],
  ['libp2p.head', 'head', 'libp2p'],
  ['http.strict', 'strict', 'http'],
  ['http.head', 'head', 'http'],
]

const PARTS: Record<string, (recorder: Recorder, quick: boolean) => Promise<void>> = {
  'catch-up': (recorder, quick) => catchUp(recorder, quick ? 1000 : ENTRIES, quick ? 1 : ROUNDS),
  gossip,
  'stalled-reader': stalledReader,
  idle: idlePeers,
}

/** What following peers costs: catching up with a log, gossip, a peer that does not read, and peers that have nothing to say. */
export async function mip(
  recorder: Recorder,
  { quick, only = Object.keys(PARTS) }: Pick<BenchOptions, 'quick' | 'only'>,
): Promise<void> {
  for (const name of only) {
    const part = PARTS[name]
    if (part === undefined) throw new RangeError(`"only" expected ${Object.keys(PARTS).join(', ')}`)
    await part(recorder, quick)
  }
  recorder.target('libp2p.strict.ofHypercore', '>=', 1.3)
  recorder.target('libp2p.strict.ofOrbitdb', '>=', 40)
  recorder.target('libp2p.head.ofHypercore', '>=', 3)
  recorder.target('gossip.loss', '<=', 0)
  recorder.target('gossip.p50', '<=', 1)
  recorder.target('gossip.p95', '<=', 10)
  recorder.target('gossip.cpuOfStrictSign', '<=', 60)
  recorder.target('stalledReader.growth', '<=', 64)
  recorder.target('idle.messages', '<=', 20)
}

interface Round {
  perSecond: number
  cpuMs: number
  publisherCpuMs: number
}

/** Ours and hypercore in turns, so that what else the machine does falls on both; OrbitDB, which takes minutes, once. */
async function catchUp(recorder: Recorder, entries: number, rounds: number): Promise<void> {
  await installPeers((line) => recorder.progress(line))
  await using home = await tempDir()
  recorder.progress(`publishing ${entries} entries`)
  const order: PublisherOrder = { home: home.path, entries }
  await using publisher = await startChild<PublisherReady>('mip/publisher.ts', order)
  recorder.figure('entry.bytes', publisher.ready.entryBytes, 'B with its signature')
  const bytes = String(Math.round(publisher.ready.entryBytes))
  const runs = new Map<string, Round[]>()
  const note = (name: string, round: Round) => runs.set(name, [...(runs.get(name) ?? []), round])
  const connectMs: number[] = []
  for (let round = 1; round <= rounds; round++) {
    recorder.progress(`catching up, round ${round} of ${rounds}`)
    for (const [name, mode, transport] of WAYS)
      note(name, await follow(publisher, { mode, transport, entries }, connectMs))
    note('hypercore', roundOf(await runPeer<CatchUpRun>('hypercore.ts', [String(entries), bytes])))
  }
  try {
    recorder.progress('orbitdb')
    note('orbitdb', roundOf(await runPeer<CatchUpRun>('orbitdb.ts', [String(entries), bytes])))
  } catch (error) {
    recorder.skip('orbitdb', error instanceof Error ? error.message : String(error))
  }
  for (const [name, all] of runs) recordRounds(recorder, name, all, entries)
  recorder.figure('libp2p.connect', percentile(connectMs, 0.5), 'ms')
  for (const [name] of WAYS) {
    recorder.figure(`${name}.ofHypercore`, ratio(runs, name, 'hypercore'), 'x')
    if (runs.has('orbitdb')) recorder.figure(`${name}.ofOrbitdb`, ratio(runs, name, 'orbitdb'), 'x')
  }
}

async function follow(
  publisher: Child<PublisherReady>,
  { mode, transport, entries }: { mode: VerifyMode; transport: 'libp2p' | 'http'; entries: number },
  connectMs: number[],
): Promise<Round> {
  await using home = await tempDir()
  const { addresses, url, org } = publisher.ready
  const via = transport === 'libp2p' ? { addresses } : { url }
  const order: FollowerOrder = { home: home.path, org: org as Did, mode, via }
  await using follower = await startChild<FollowerReady>('mip/follower.ts', order)
  if (transport === 'libp2p') connectMs.push(follower.ready.connectMs)
  const cpuBefore = cpuMs(publisher.pid)
  const run = await follower.ask<CatchUp>({})
  if (run.entries !== entries) throw new Error(`${run.entries} of ${entries} entries came`)
  return roundOf({ ...run, publisherCpuMs: cpuMs(publisher.pid) - cpuBefore })
}

const roundOf = ({ entries, ms, cpuMs, publisherCpuMs = 0 }: CatchUpRun): Round => ({
  perSecond: (1000 * entries) / ms,
  cpuMs,
  publisherCpuMs,
})

const middle = (rounds: readonly Round[], of: keyof Round) =>
  percentile(
    rounds.map((one) => one[of]),
    0.5,
  )

function recordRounds(recorder: Recorder, name: string, rounds: readonly Round[], entries: number): void {
  recorder.figure(`${name}.rate`, middle(rounds, 'perSecond'), 'entries/s')
  recorder.figure(`${name}.rateBest`, Math.max(...rounds.map(({ perSecond }) => perSecond)), 'entries/s')
  recorder.figure(`${name}.cpu`, (1000 * middle(rounds, 'cpuMs')) / entries, 'µs CPU of the follower per entry')
  recorder.figure(
    `${name}.publisherCpu`,
    (1000 * middle(rounds, 'publisherCpuMs')) / entries,
    'µs CPU of the publisher per entry',
  )
}

/** Middle of the ratios of each round; the peer's only round stands for all. */
function ratio(runs: ReadonlyMap<string, Round[]>, name: string, peer: string): number {
  const theirs = runs.get(peer) ?? []
  const ours = runs.get(name) ?? []
  return percentile(
    ours.map(({ perSecond }, i) => perSecond / (theirs[i] ?? theirs[0])!.perSecond),
    0.5,
  )
}
