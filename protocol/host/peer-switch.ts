import { MIP_PEER_LINGER_MS } from '../../schemas/limits-mip.ts'
import type { LogName } from '../core/wire-types.ts'
import type { EdgePeer } from './edge-peer.ts'
import type { EdgeSocket } from './edge-websockets.ts'
import { LazyRemote } from './lazy-remote.ts'
import type { MipCallOptions, MipRemote } from './mip-remote.ts'

/** A peer, and the way to hand it sockets that the host accepted. */
export interface StartedPeer extends EdgePeer {
  /** Takes the server half of a WebSocket. Listens to it before it returns its promise, so that no message is lost. */
  accept(socket: EdgeSocket, from: string): Promise<void>
  /** Another peer by its address, connected. */
  connect(address: string, options: MipCallOptions): Promise<MipRemote>
}

export interface PeerSwitchInit {
  /** `on-demand` starts with the first caller and stops after the last one; `always-on` also calls peers by itself. */
  mode: 'on-demand' | 'always-on'
  /** Loads libp2p and starts: nothing of it is loaded before somebody calls. */
  start: () => Promise<StartedPeer>
  lingerMs?: number
}

export interface PeerStatus {
  isRunning: boolean
  peerId: string | null
  addresses: string[]
  peers: string[]
}

/** Starts the peer of a deployment when it is needed, and stops it when it is not. */
export class PeerSwitch {
  readonly #init: PeerSwitchInit
  #started: Promise<StartedPeer> | null = null
  #running: StartedPeer | null = null
  #lingering: ReturnType<typeof setTimeout> | undefined
  #isClosed = false

  constructor(init: PeerSwitchInit) {
    this.#init = init
  }

  get isAlwaysOn(): boolean {
    return this.#init.mode === 'always-on'
  }

  /** The peer, started if it was not. @throws what kept it from starting */
  async ready(): Promise<StartedPeer> {
    if (this.#isClosed) throw new Error('the peer is stopping')
    this.#started ??= this.#start()
    return this.#started
  }

  /** Always on: starts, and calls the peers that are missing. */
  async keep(): Promise<void> {
    if (!this.isAlwaysOn) return
    const peer = await this.ready()
    await peer.redial()
  }

  /** Something was added to a log of ours. Nobody is woken for it where the peer runs on demand: who comes is told in the hello. */
  async announce(log: LogName): Promise<void> {
    const peer = this.isAlwaysOn ? await this.ready() : this.#running
    await peer?.announce(log)
  }

  /** Another peer, asked through this one; both are connected when it is asked. */
  remote(address: string): MipRemote {
    return new LazyRemote(address, async (options) => (await this.ready()).connect(address, options))
  }

  status(): PeerStatus {
    const node = this.#running?.node
    return {
      isRunning: node !== undefined,
      peerId: node?.peerId ?? null,
      addresses: node?.addresses() ?? [],
      peers: node?.peers() ?? [],
    }
  }

  /** Stops the peer; the next caller starts it again. */
  async stop(): Promise<void> {
    clearTimeout(this.#lingering)
    const started = this.#started
    this.#started = null
    this.#running = null
    const peer = await started?.catch(() => null)
    await peer?.close()
  }

  /** Stops it for good. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.stop()
  }

  async #start(): Promise<StartedPeer> {
    try {
      const peer = await this.#init.start()
      this.#running = peer
      peer.node.libp2p.addEventListener('connection:close', () => this.#linger(peer))
      this.#linger(peer)
      return peer
    } catch (cause) {
      this.#started = null
      throw cause
    }
  }

  /** On demand: stops when nobody has come back for a while. */
  #linger(peer: StartedPeer): void {
    clearTimeout(this.#lingering)
    if (this.isAlwaysOn) return
    this.#lingering = setTimeout(() => {
      if (this.#running !== peer) return
      if (peer.node.libp2p.getConnections().length > 0) return
      void this.stop()
    }, this.#init.lingerMs ?? MIP_PEER_LINGER_MS)
    if (typeof this.#lingering === 'object') this.#lingering.unref?.()
  }
}
