import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { cidOf } from '../../../protocol/core/cid.ts'
import { MIP_CHUNK_BYTES_DEFAULT } from '../../../schemas/limits-mip.ts'
import { startChild } from '../harness/child.ts'
import { rssMiB } from '../harness/process-usage.ts'
import type { Recorder } from '../harness/report.ts'
import type { ProviderOrder, ProviderReady } from '../mip/blob-provider.ts'
import type { IdleOrder, IdleReady } from '../mip/idle-peer.ts'
import type { StalledOrder } from '../mip/stalled-reader.ts'

const MIB = 1024 * 1024
const STALLED_MS = 8000
/** As long as the longest interval at which something is said, so that everything is said once. */
const IDLE_MS = 240_000
const SETTLE_MS = 15_000

/** How much a server grows while a peer asks on 16 streams and reads nothing. */
export async function stalledReader(recorder: Recorder): Promise<void> {
  recorder.progress('a reader that stalls')
  const order: ProviderOrder = { size: 16 * MIB, chunk: MIP_CHUNK_BYTES_DEFAULT, seed: 1 }
  await using server = await startChild<ProviderReady>('mip/blob-provider.ts', order)
  const stalled: StalledOrder = { addresses: server.ready.addresses, cid: cidOf(server.ready.manifest, 'object') }
  await using reader = await startChild<null>('mip/stalled-reader.ts', stalled)
  await sleep(2000)
  const before = rssMiB(server.pid)
  await reader.ask({})
  let most = before
  for (const until = performance.now() + STALLED_MS; performance.now() < until; await sleep(50))
    most = Math.max(most, rssMiB(server.pid))
  recorder.figure('stalledReader.growth', most - before, 'MiB')
}

/** What a publisher at rest and its follower say to each other, head beacons included. Frames are counted between them. */
export async function idlePeers(recorder: Recorder, quick: boolean): Promise<void> {
  const ms = quick ? IDLE_MS / 16 : IDLE_MS
  recorder.progress(`two idle peers for ${ms / 1000} s`)
  await using publisher = await startChild<IdleReady>('mip/idle-peer.ts', { beacons: true } satisfies IdleOrder)
  await using follower = await startChild<IdleReady>('mip/idle-peer.ts', { beacons: false } satisfies IdleOrder)
  const counts: FrameCount[] = []
  const proxy = createServer((from) => {
    const to = connect(publisher.ready.port, '127.0.0.1')
    for (const [source, target] of [
      [from, to],
      [to, from],
    ] as const) {
      const count = new FrameCount()
      counts.push(count)
      source.on('data', (data: Buffer) => count.push(data))
      source.on('error', () => target.destroy())
      source.pipe(target)
    }
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const { port } = proxy.address() as AddressInfo
  await follower.ask({ address: `/ip4/127.0.0.1/tcp/${port}/p2p/${publisher.ready.peerId}` })
  await sleep(SETTLE_MS)
  for (const count of counts) count.start()
  await sleep(ms)
  const perMinute = (of: 'frames' | 'bytes') => (counts.reduce((sum, count) => sum + count[of], 0) * 60_000) / ms
  recorder.figure('idle.messages', perMinute('frames'), 'per minute')
  recorder.figure('idle.bytes', perMinute('bytes'), 'B per minute')
  proxy.close()
}

/** Counts Noise messages of one direction: two bytes of length, then as many bytes (Noise specification of libp2p). */
class FrameCount {
  frames = 0
  bytes = 0
  #isCounting = false
  /** Bytes of the message that are still to come. */
  #missing = 0
  #length: number[] = []

  /** From here on; the wire is silent, so a message begins with the next byte. */
  start(): void {
    this.#isCounting = true
  }

  push(data: Uint8Array): void {
    if (!this.#isCounting) return
    this.bytes += data.length
    for (let at = 0; at < data.length; ) {
      if (this.#missing > 0) {
        const taken = Math.min(this.#missing, data.length - at)
        this.#missing -= taken
        at += taken
      } else this.#readLength(data[at++] ?? 0)
    }
  }

  #readLength(byte: number): void {
    this.#length.push(byte)
    const [high, low] = this.#length
    if (high === undefined || low === undefined) return
    this.#missing = high * 256 + low
    this.#length = []
    this.frames += 1
  }
}
