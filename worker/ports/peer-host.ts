import type { LogName } from '../../protocol/core/wire-types.ts'
import type { MipRemote } from '../../protocol/host/mip-remote.ts'

/** A WebSocket that the platform accepted. */
export interface PeerSocket {
  binaryType: string
  readonly bufferedAmount?: number
  send(data: Uint8Array): void
  close(code?: number, reason?: string): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { wasClean: boolean; code: number }) => void): void
  addEventListener(type: 'error', listener: () => void): void
}

export interface PeerHostStatus {
  isRunning: boolean
  peerId: string | null
  addresses: string[]
  peers: string[]
}

/** The peer of this deployment, which starts when it is needed. */
export interface PeerHost {
  readonly isAlwaysOn: boolean
  /** Starts it. `accept` listens to the socket before it returns its promise, so that no message is lost. */
  ready(): Promise<{ accept(socket: PeerSocket, from: string): Promise<void> }>
  /** Always on: starts it, and calls the peers of the configuration that are missing. */
  keep(): Promise<void>
  /** Something was added to a log of ours. */
  announce(log: LogName): Promise<void>
  status(): PeerHostStatus
  /** Another peer, asked through this one. */
  remote(address: string): MipRemote
}
