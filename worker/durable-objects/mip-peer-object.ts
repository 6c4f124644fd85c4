import { DurableObject } from 'cloudflare:workers'
import { MipRemoteError } from '../../protocol/core/mip-remote-error.ts'
import type { LogName } from '../../protocol/core/wire-types.ts'
import { MIP_CALL_MS_MAX, MIP_REDIAL_MS } from '../../schemas/limits-mip.ts'
import type { PeerArguments, PeerMethod, PeerOutcome } from '../ports/peer-call.ts'
import type { PeerHost, PeerHostStatus, PeerSocket } from '../ports/peer-host.ts'

/**
 * The Durable Object class that holds the connections of this deployment to its peers, over the host that `open` builds from the bindings.
 * Derived state: logs and cursors are rows in the database, and the key follows from the secret, so it comes back as the same peer.
 */
export const mipPeerObject = <E>(open: (env: E) => PeerHost) =>
  class MipPeerObject extends DurableObject<E> {
    readonly peer: PeerHost

    constructor(state: DurableObjectState, env: E) {
      super(state, env)
      this.peer = open(env)
    }

    /** A peer that calls: noise runs inside the WebSocket, whatever TLS is around it. */
    override async fetch(request: Request): Promise<Response> {
      if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket') return new Response(null, { status: 426 })
      // Started first: what a socket brings before somebody listens is lost.
      const started = await this.peer.ready()
      const { 0: client, 1: server } = new WebSocketPair()
      started.accept(server as unknown as PeerSocket, addressOf(request)).catch(() => {
        // Not a peer, or gone again: its socket is closed.
      })
      server.accept()
      return new Response(null, { status: 101, webSocket: client })
    }

    /** Armed before anything else: whatever fails below, the next one comes. */
    override async alarm(): Promise<void> {
      if (!this.peer.isAlwaysOn) return
      await this.ctx.storage.setAlarm(Date.now() + MIP_REDIAL_MS)
      await this.peer.keep()
    }

    /** Always on: sees to it that the alarm rings. Every deployment and eviction ends connections; the alarm brings them back. */
    async wake(): Promise<void> {
      if (this.peer.isAlwaysOn && (await this.ctx.storage.getAlarm()) === null)
        await this.ctx.storage.setAlarm(Date.now())
    }

    announce(log: LogName): Promise<void> {
      return this.peer.announce(log)
    }

    async status(): Promise<PeerHostStatus> {
      return this.peer.status()
    }

    /** Asks another peer for a Worker, which has no connections of its own. */
    async ask<M extends PeerMethod>(address: string, method: M, args: PeerArguments<M>): Promise<PeerOutcome<M>> {
      const remote = this.peer.remote(address) as unknown as Record<string, (...args: unknown[]) => Promise<never>>
      try {
        return { answer: await remote[method]!(...args, { signal: AbortSignal.timeout(MIP_CALL_MS_MAX) }) }
      } catch (cause) {
        if (!(cause instanceof MipRemoteError)) return { failure: { reason: 'deadline', detail: 'no answer in time' } }
        const { reason, retryAfterMs, message } = cause
        return { failure: { reason, detail: message, ...(retryAfterMs !== undefined && { retryAfterMs }) } }
      }
    }
  }

/** Without the caller's own address all peers would share one, and the limit of new connections per address. */
function addressOf(request: Request): string {
  const ip = request.headers.get('cf-connecting-ip') ?? '0.0.0.0'
  return `/${ip.includes(':') ? 'ip6' : 'ip4'}/${ip}/tcp/443/tls/ws`
}
