import './broadcast-channel.ts'
import { fetchSockets } from '../../../protocol/host/edge-sockets.ts'
import type { MipSource } from '../../../protocol/host/mip-source.ts'
import { hybridNoiseCrypto } from '../../../protocol/host/noise-crypto.ts'
import type { StartedPeer } from '../../../protocol/host/peer-switch.ts'
import { startPeer } from '../../../protocol/host/start-peer.ts'
import { nodeSeed } from '../../drivers/signer/peer-key-signer.ts'
import { WebCryptoEd25519 } from '../../drivers/signer/web-crypto-ed25519.ts'
import type { Logger } from '../../ports/logger.ts'
import type { HeadHints } from '../../ports/mip.ts'
import type { PeerSettings } from '../peer-settings.ts'

export interface ObjectPeerParts {
  /** 32 bytes; the PeerId follows from them. */
  peerKey: Uint8Array
  source: MipSource
  hints: HeadHints
  logger: Logger
}

/** Where nothing is announced there is still an address to listen at; nobody can call it. */
const UNANNOUNCED = '/dns4/localhost/tcp/443/tls/ws'

/** Starts the peer of a Durable Object. This file is the way to all of libp2p in the Worker. */
export async function startObjectPeer(settings: PeerSettings, parts: ObjectPeerParts): Promise<StartedPeer> {
  const { peers, topics, network, announce } = settings
  const { peerKey, source, hints, logger } = parts
  return startPeer({
    seed: nodeSeed(peerKey),
    source,
    hints,
    ed25519: new WebCryptoEd25519(),
    nowMs: Date.now,
    network,
    peers,
    topics,
    announce,
    handedAddress: announce[0] ?? UNANNOUNCED,
    openSocket: fetchSockets((url, init) => fetch(url, init as RequestInit)),
    noiseCrypto: hybridNoiseCrypto,
    onEvent: (event, fields) => logger.info(event, fields),
    onError: (error, protocol) =>
      logger.error('mip_call_failed', { protocol, name: error instanceof Error ? error.name : 'unknown' }),
  })
}
