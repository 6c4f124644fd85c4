import { peerIdFromString } from '@libp2p/peer-id'
import type { MipNode } from '../../../protocol/host/node.ts'

/** Not part of MIP: bytes over a stream without frames, hashes or disk, to compare with. */
export const RAW_PROTOCOL = '/bench/raw/1.0.0'

/** Reads such a stream to its end; the bytes that came. */
export async function readRaw(node: MipNode, peerId: string): Promise<number> {
  const stream = await node.libp2p.dialProtocol(peerIdFromString(peerId), RAW_PROTOCOL)
  let bytes = 0
  for await (const piece of stream) bytes += piece.byteLength
  return bytes
}
