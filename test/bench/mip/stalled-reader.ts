/** A peer that asks for much and reads nothing of the answers. */
import { randomBytes } from 'node:crypto'
import { peerIdFromString } from '@libp2p/peer-id'
import { frameOf } from '../../../protocol/host/frame-buffer.ts'
import { startMipNode } from '../../../protocol/host/node.ts'
import { nodeParts } from '../../../protocol/host/node-parts.ts'
import { blobRequestValue, MIP_PROTOCOLS, writeFrame } from '../../../protocol/host/protocols.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { LOG, MemoryMipSource } from '../../support/memory-mip-source.ts'
import { serveParent } from '../harness/child.ts'

export interface StalledOrder {
  addresses: string[]
  cid: Cid
}

const STREAMS_PER_PROTOCOL = 8
const REQUESTS_PER_STREAM = 20
const PART_BYTES = 4 * 1024 * 1024

await serveParent<StalledOrder, null>(async ({ addresses, cid }) => {
  const node = await startMipNode({
    seed: randomBytes(32),
    source: new MemoryMipSource(),
    listen: [],
    ...nodeParts(),
    gossip: { network: 'bench' },
  })
  const peer = peerIdFromString(await node.dial(addresses, { signal: AbortSignal.timeout(10_000) }))
  const requests = {
    blob: frameOf(writeFrame(blobRequestValue(cid, { offset: 0, length: PART_BYTES }))),
    log: frameOf(writeFrame({ ...LOG, from: { epoch: 0, seq: 0 }, limit: 64 })),
  }
  const answer = async () => {
    for (const name of ['blob', 'log'] as const)
      for (let i = 0; i < STREAMS_PER_PROTOCOL; i++) {
        const stream = await node.libp2p.dialProtocol(peer, MIP_PROTOCOLS[name])
        stream.pause()
        for (let k = 0; k < REQUESTS_PER_STREAM; k++) stream.send(requests[name])
      }
  }
  return { ready: null, answer }
})
