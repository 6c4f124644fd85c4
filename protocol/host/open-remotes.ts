import { MIP_ADDRESS_LENGTH_MAX } from '../../schemas/limits-mip.ts'
import { MipRemoteError } from '../core/mip-remote-error.ts'
import { FailoverRemote } from './failover-remote.ts'
import { HttpRemote, type HttpRemoteInit } from './http-remote.ts'
import type { MipRemote } from './mip-remote.ts'
import { isPrivateIpv4, isPrivateIpv6 } from './private-address.ts'

export interface OpenRemotesInit extends Omit<HttpRemoteInit, 'url'> {
  /** A peer by its multiaddr; absent where this host calls none. */
  openPeer?: (address: string) => MipRemote
}

/** Names that mean the machine itself or the network it stands in. */
const PRIVATE_NAME = /(^|\.)(localhost|localdomain|local|internal|intranet|private|corp|home|lan|arpa)$/
const HOST = /^\/(ip4|ip6|dns|dns4|dns6|dnsaddr)\/([^/]+)\//
const BARE_PEER = /^\/p2p\/[^/]+$/
const PEER = /\/p2p\/[1-9A-HJ-NP-Za-km-z]{46,64}$/

/** Peers and mirrors by address: `https://…` over HTTP, `/dns4/…/p2p/ID` over libp2p, `/p2p/ID` where a hash table of peers says. The same address gives the same remote. */
export class OpenRemotes {
  readonly #init: OpenRemotesInit
  readonly #open = new Map<string, MipRemote>()

  constructor(init: OpenRemotesInit) {
    this.#init = init
  }

  /** null: an address that this deployment cannot or may not open. */
  open(address: string): MipRemote | null {
    const known = this.#open.get(address)
    if (known) return known
    const remote = address.startsWith('/') ? this.#peer(address) : this.#mirror(address)
    if (remote) this.#open.set(address, remote)
    if (this.#open.size > REMOTES_MAX) this.#open.delete(this.#open.keys().next().value ?? '')
    return remote
  }

  /** All ways to the same logs as one, the first being preferred; null when none of them can be opened. */
  openAny(addresses: readonly string[]): MipRemote | null {
    const remotes = addresses.map((address) => this.open(address)).filter((remote) => remote !== null)
    return remotes.length > 1 ? new FailoverRemote(remotes) : (remotes[0] ?? null)
  }

  #mirror(url: string): MipRemote | null {
    try {
      return new HttpRemote({ ...this.#init, url })
    } catch (cause) {
      if (cause instanceof MipRemoteError) return null
      throw cause
    }
  }

  #peer(address: string): MipRemote | null {
    if (address.length > MIP_ADDRESS_LENGTH_MAX || !PEER.test(address)) return null
    if (this.#init.allowPrivate !== true && !isPublic(address)) return null
    return this.#init.openPeer?.(address) ?? null
  }
}

const REMOTES_MAX = 1000

/** Addresses come from foreign logs: whoever writes one must not reach what only this machine can (SSRF, MIP 4.12). */
function isPublic(address: string): boolean {
  // It names no place; the hash table of a deployment that may not call private ones holds none.
  if (BARE_PEER.test(address)) return true
  const [, kind, host = ''] = HOST.exec(address) ?? []
  if (kind === undefined || address.includes('/p2p-circuit')) return false
  if (kind === 'ip4') return !isPrivateIpv4(host)
  if (kind === 'ip6') return !isPrivateIpv6(host)
  return host.includes('.') && !PRIVATE_NAME.test(host)
}
