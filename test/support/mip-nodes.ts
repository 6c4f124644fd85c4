import { randomBytes } from 'node:crypto'
import { memory } from '@libp2p/memory'
import { onTestFinished } from 'vitest'
import { type MipNode, type MipNodeInit, startMipNode } from '../../protocol/host/node.ts'
import { type NodePartsInit, nodeParts } from '../../protocol/host/node-parts.ts'
import { MemoryMipSource } from './memory-mip-source.ts'

let started = 0

/** A peer inside this process: no sockets. It is stopped when the test ends. */
export function memoryNode(init: Partial<MipNodeInit> = {}): Promise<MipNode> {
  return testNode({ listen: [`/memory/mip-${++started}`], transports: [memory()], ...init })
}

/** A peer that listens on loopback over TCP and WebSocket. */
export function loopbackNode(init: Partial<MipNodeInit> & NodePartsInit = {}): Promise<MipNode> {
  return testNode({ listen: ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws'], ...nodeParts(init), ...init })
}

/** Connects the first to the second. */
export const connect = (a: MipNode, b: MipNode) => a.dial(b.addresses(), { signal: AbortSignal.timeout(10_000) })

/** Waits until something holds; the deadline of the test ends it. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10))
}

async function testNode(init: Pick<MipNodeInit, 'listen' | 'transports'> & Partial<MipNodeInit>): Promise<MipNode> {
  const node = await startMipNode({
    seed: randomBytes(32),
    source: new MemoryMipSource(),
    gossip: { network: 'test' },
    inboundConnectionsPerSecondMax: 1000,
    ...init,
  })
  onTestFinished(() => node.close())
  return node
}
