import {
  MIP_BLOB_CALLS_IN_FLIGHT_MAX,
  MIP_CALLS_PER_SECOND_MAX,
  MIP_LOG_CALLS_IN_FLIGHT_MAX,
  MIP_OTHER_CALLS_IN_FLIGHT_MAX,
  MIP_PEER_BUCKETS_MAX,
  MIP_PROOFS_PER_MINUTE_MAX,
  MIP_SERVED_BYTES_PER_SECOND_MAX,
} from '../../schemas/limits-mip.ts'
import { MipRemoteError } from '../core/mip-remote-error.ts'
import type { MipProtocol } from './protocols.ts'

/** What one peer may ask of us. */
export interface CallLimits {
  callsInFlight: Record<MipProtocol, number>
  callsPerSecond: number
  /** Proofs and receipts together. */
  proofsPerMinute: number
  bytesPerSecond: number
  peers: number
}

export const CALL_LIMITS: CallLimits = {
  callsInFlight: {
    hello: MIP_OTHER_CALLS_IN_FLIGHT_MAX,
    log: MIP_LOG_CALLS_IN_FLIGHT_MAX,
    obj: MIP_OTHER_CALLS_IN_FLIGHT_MAX,
    blob: MIP_BLOB_CALLS_IN_FLIGHT_MAX,
    proof: MIP_OTHER_CALLS_IN_FLIGHT_MAX,
    receipt: MIP_OTHER_CALLS_IN_FLIGHT_MAX,
    // A set is read for each message, as a page of a log is.
    recon: MIP_LOG_CALLS_IN_FLIGHT_MAX,
  },
  callsPerSecond: MIP_CALLS_PER_SECOND_MAX,
  proofsPerMinute: MIP_PROOFS_PER_MINUTE_MAX,
  bytesPerSecond: MIP_SERVED_BYTES_PER_SECOND_MAX,
  peers: MIP_PEER_BUCKETS_MAX,
}

/** A call that was let in. */
export interface AdmittedCall {
  /** Counts bytes that were served, also beyond the bucket: the next call then waits. */
  served(bytes: number): void
  done(): void
}

const BUSY_RETRY_MS = 50

/** Keeps the limits of calls, by peer. */
export class CallGate {
  readonly #limits: CallLimits
  readonly #now: () => number
  readonly #peers = new Map<string, PeerCalls>()

  constructor(limits: Partial<CallLimits> = {}, now: () => number = () => performance.now()) {
    this.#limits = { ...CALL_LIMITS, ...limits }
    this.#now = now
  }

  /** @throws MipRemoteError `busy` or `rate_limited` with the time after which asking again makes sense. */
  admit(peer: string, protocol: MipProtocol): AdmittedCall {
    const calls = this.#callsOf(peer)
    if ((calls.inFlight.get(protocol) ?? 0) >= this.#limits.callsInFlight[protocol])
      throw new MipRemoteError('busy', 'too many calls of this peer are running', { retryAfterMs: BUSY_RETRY_MS })
    const isProof = protocol === 'proof' || protocol === 'receipt'
    const buckets = isProof ? [calls.bytes, calls.calls, calls.proofs] : [calls.bytes, calls.calls]
    const waitMs = Math.max(...buckets.map((bucket) => bucket.waitMs(this.#now())))
    if (waitMs > 0) throw new MipRemoteError('rate_limited', 'the bucket is empty', { retryAfterMs: waitMs })
    calls.calls.take(1)
    if (isProof) calls.proofs.take(1)
    return this.#running(calls, protocol)
  }

  #running(calls: PeerCalls, protocol: MipProtocol): AdmittedCall {
    const { inFlight } = calls
    inFlight.set(protocol, (inFlight.get(protocol) ?? 0) + 1)
    let isRunning = true
    return {
      served: (bytes) => calls.bytes.take(bytes),
      done: () => {
        if (isRunning) inFlight.set(protocol, (inFlight.get(protocol) ?? 1) - 1)
        isRunning = false
      },
    }
  }

  #callsOf(peer: string): PeerCalls {
    const known = this.#peers.get(peer)
    const { callsPerSecond, proofsPerMinute, bytesPerSecond } = this.#limits
    const calls = known ?? {
      inFlight: new Map<MipProtocol, number>(),
      calls: new Bucket(callsPerSecond * 2, callsPerSecond / 1000, this.#now()),
      proofs: new Bucket(proofsPerMinute, proofsPerMinute / 60_000, this.#now()),
      bytes: new Bucket(bytesPerSecond, bytesPerSecond / 1000, this.#now()),
    }
    this.#peers.delete(peer) // a Map keeps the order of insertion: the least recently seen peer stands first
    this.#peers.set(peer, calls)
    if (this.#peers.size > this.#limits.peers) this.#peers.delete(this.#peers.keys().next().value ?? '')
    return calls
  }
}

interface PeerCalls {
  inFlight: Map<MipProtocol, number>
  calls: Bucket
  proofs: Bucket
  bytes: Bucket
}

/** A token bucket that may go into debt. */
class Bucket {
  readonly #max: number
  readonly #perMs: number
  #tokens: number
  #at: number

  constructor(max: number, perMs: number, now: number) {
    this.#max = max
    this.#perMs = perMs
    this.#tokens = max
    this.#at = now
  }

  /** 0 when there is a token, else the time until there is one. */
  waitMs(now: number): number {
    this.#tokens = Math.min(this.#max, this.#tokens + Math.max(0, now - this.#at) * this.#perMs)
    this.#at = now
    return this.#tokens >= 1 ? 0 : (1 - this.#tokens) / this.#perMs
  }

  take(tokens: number): void {
    this.#tokens -= tokens
  }
}
