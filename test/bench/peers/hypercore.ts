/**
 * Hypercore over TCP between two processes, both on disk: `node hypercore.ts ENTRIES BYTES`. The follower verifies the Merkle proof of every
 * block and has it on disk when it counts.
 */
import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CatchUpRun } from './catch-up-run.ts'
import { loadPeer } from './load-peer.ts'

interface Core {
  readonly key: Buffer
  readonly length: number
  readonly contiguousLength: number
  ready(): Promise<void>
  append(blocks: Buffer[]): Promise<unknown>
  update(options: { wait: boolean }): Promise<boolean>
  replicate(isInitiator: boolean): Socket
  download(range: { start: number; end: number }): { done(): Promise<unknown> }
  close(): Promise<void>
}
interface HypercoreModule {
  default: new (storage: string, key?: Buffer) => Core
}

const BLOCKS_PER_APPEND = 100

const { default: Hypercore } = await loadPeer<HypercoreModule>('hypercore')
const folder = mkdtempSync(join(tmpdir(), 'memos-hypercore-'))
const cpuMsNow = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

if (process.env.FOLLOWER === undefined) await publish()
else process.once('message', (order) => void follow(order as Order))

interface Order {
  key: string
  port: number
  entries: number
}

async function publish(): Promise<void> {
  const [entries = 1000, bytes = 1024] = process.argv.slice(2).map(Number)
  const core = new Hypercore(folder)
  await core.ready()
  for (let at = 0; at < entries; at += BLOCKS_PER_APPEND)
    await core.append(Array.from({ length: Math.min(BLOCKS_PER_APPEND, entries - at) }, () => randomBytes(bytes)))
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.pipe(core.replicate(false)).pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const follower = fork(import.meta.filename, [], { env: { ...process.env, FOLLOWER: '1' } })
  const cpuBefore = cpuMsNow()
  const order: Order = { key: core.key.toString('hex'), port: (server.address() as AddressInfo).port, entries }
  follower.send(order)
  const [run] = (await once(follower, 'message')) as [CatchUpRun]
  console.log(JSON.stringify({ ...run, publisherCpuMs: cpuMsNow() - cpuBefore }))
  rmSync(folder, { recursive: true, force: true })
  process.exit(0)
}

async function follow({ key, port, entries }: Order): Promise<void> {
  const core = new Hypercore(folder, Buffer.from(key, 'hex'))
  await core.ready()
  const startMs = performance.now()
  const cpuBefore = cpuMsNow()
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.pipe(core.replicate(true)).pipe(socket)
  while (core.length < entries) await core.update({ wait: true })
  await core.download({ start: 0, end: entries }).done()
  const run: CatchUpRun = {
    entries: core.contiguousLength,
    ms: performance.now() - startMs,
    cpuMs: cpuMsNow() - cpuBefore,
  }
  await core.close()
  rmSync(folder, { recursive: true, force: true })
  process.send?.(run)
}
