import type { IncomingMessage, Server } from 'node:http'
import type { Ed25519 } from '../../../protocol/core/ed25519-rule.ts'
import { constructedSockets } from '../../../protocol/host/edge-sockets.ts'
import { LazyRemote } from '../../../protocol/host/lazy-remote.ts'
import { lookupHost } from '../../../protocol/host/lookup-host.ts'
import { nodeEd25519 } from '../../../protocol/host/native-ed25519.ts'
import { OpenRemotes } from '../../../protocol/host/open-remotes.ts'
import { PeerSwitch } from '../../../protocol/host/peer-switch.ts'
import { MIP_PEER_STOP_MS_MAX, MIP_REDIAL_MS, MIP_TAILS_KEPT_MAX } from '../../../schemas/limits-mip.ts'
import { NODE_CONNECT_PATH } from '../../../schemas/node-message.ts'
import { nodeSeed, PeerKeySigner } from '../../drivers/signer/peer-key-signer.ts'
import { tailsToKeep } from '../../infrastructure/mip/due-subscriptions.ts'
import type { Edge } from '../../interface/edge.ts'
import type { Database } from '../../ports/database.ts'
import type { Logger } from '../../ports/logger.ts'
import type { MipParts } from '../../ports/mip.ts'
import { pullingHints } from '../pulling-hints.ts'
import type { NodeConfig } from './config.ts'
import { handSockets } from './http-sockets.ts'
import { peerKey } from './peer-key.ts'
import { TailClient } from './tail-client.ts'
import { NodeTails } from './tails.ts'

export interface NodePeersParts {
  /** Signs and judges for the application; the peer has its own, which answers at once. */
  ed25519: Ed25519
  logger: Logger
  defer(work: Promise<unknown>): void
}

/** What exists once the application does. */
export interface PeersStart {
  edge: Pick<Edge, 'mipSource' | 'mipHints'>
  /** Runs steps of upkeep by name: what a hint made due is pulled at once. */
  tick(only: readonly string[]): Promise<void>
  port: number
  /** The application, which judges who may have a tail. */
  fetch(request: Request, env: { incoming: IncomingMessage }): Promise<Response>
}

/** The interchange with peers of a process: its keys, the ways to others, and a peer at the port of the HTTP server. */
export class NodePeers {
  readonly parts: MipParts
  readonly #config: NodeConfig
  readonly #logger: Logger
  readonly #key: Uint8Array
  readonly #tails = new NodeTails()
  #followed: TailClient | null = null
  #peer: PeerSwitch | null = null
  #end: () => void = () => {}

  constructor(config: NodeConfig, { ed25519, logger, defer }: NodePeersParts) {
    this.#config = config
    this.#logger = logger
    this.#key = peerKey(config.home, config.peerKey)
    const remotes = new OpenRemotes({
      fetch: (url, init) => fetch(url, init),
      lookup: lookupHost,
      allowPrivate: config.peer.allowPrivate,
      ...(config.peer.mode !== 'off' && { openPeer: (address: string) => this.#remote(address) }),
    })
    this.parts = {
      signer: new PeerKeySigner(this.#key, ed25519),
      ed25519,
      mirrors: config.mirrors,
      remotes,
      tails: this.#tails,
      announce: (log) => {
        if (this.#peer) defer(this.#peer.announce(log))
      },
    }
  }

  /** Takes WebSockets from now on, and calls peers where the settings name some. */
  start(server: Server, start: PeersStart): void {
    const { mode, allowPrivate } = this.#config.peer
    this.#tails.listen(server, start.fetch, (path) => mode !== 'off' || path.startsWith(NODE_CONNECT_PATH))
    this.#followed = new TailClient({
      hints: start.edge.mipHints,
      pull: () => start.tick(['mip']),
      logger: this.#logger,
      lookup: lookupHost,
      allowPrivate,
    })
    if (mode === 'off') return
    const peer = new PeerSwitch({ mode, start: () => this.#start(start) })
    this.#peer = peer
    const cut = handSockets(server, peer, this.#logger)
    const keep = () => void peer.keep().catch((error: unknown) => this.#failed('mip_peer_failed', error))
    keep()
    const timer = setInterval(keep, MIP_REDIAL_MS)
    timer.unref()
    this.#end = () => {
      clearInterval(timer)
      cut()
    }
  }

  /** Keeps tails open to whoever is followed now. To be called every minute. */
  async keepTails(databases: Iterable<Database>): Promise<void> {
    const wanted = await Promise.all(
      [...databases].map((database) =>
        tailsToKeep(database, MIP_TAILS_KEPT_MAX, { allowPrivate: this.#config.peer.allowPrivate }),
      ),
    )
    this.#followed?.keep(wanted.flat())
  }

  /** Says goodbye to peers, for a moment at most. */
  async stop(): Promise<void> {
    this.#tails.close()
    this.#followed?.close()
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, MIP_PEER_STOP_MS_MAX)
    const closed = this.#peer?.close().catch((error: unknown) => this.#failed('mip_peer_failed', error))
    await Promise.race([closed, late])
    clearTimeout(timer)
    this.#end()
  }

  #remote(address: string): LazyRemote {
    return new LazyRemote(address, async () => {
      if (!this.#peer) throw new Error('the peer has not started')
      return this.#peer.remote(address)
    })
  }

  async #start({ edge, tick, port }: PeersStart) {
    const [{ startPeer }, { nodeParts }] = await Promise.all([
      import('../../../protocol/host/start-peer.ts'),
      import('../../../protocol/host/node-parts.ts'),
    ])
    const { dht, relay, mdns, listen, announce, peers, topics, network, allowPrivate } = this.#config.peer
    return startPeer({
      seed: nodeSeed(this.#key),
      source: edge.mipSource,
      hints: pullingHints(edge.mipHints, () => tick(['mip'])),
      ed25519: nodeEd25519(),
      nowMs: Date.now,
      network,
      peers,
      topics,
      listen,
      announce,
      handedAddress: httpAddress(this.#config.host, port),
      openSocket: constructedSockets(),
      parts: nodeParts({ mdns, relay, allowPrivate, ...(dht && { dht }) }),
      onEvent: (event, fields) => this.#logger.info(event, fields),
      onError: (error, protocol) => this.#failed('mip_call_failed', error, protocol),
    })
  }

  #failed(event: string, error: unknown, protocol?: string): void {
    this.#logger.error(event, { protocol, name: error instanceof Error ? error.name : 'unknown' })
  }
}

/** Where the HTTP server takes WebSockets, as multiaddr. */
function httpAddress(host: string, port: number): string {
  if (host.includes(':')) return `/ip6/${host}/tcp/${port}/ws`
  return `/${/^[\d.]+$/.test(host) ? 'ip4' : 'dns4'}/${host}/tcp/${port}/ws`
}
