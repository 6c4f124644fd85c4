import type { Ed25519 } from '../../protocol/core/ed25519-rule.ts'
import type { LogName } from '../../protocol/core/wire-types.ts'
import type { MipRemote } from '../../protocol/host/mip-remote.ts'
import type { Signer } from './signer.ts'
import type { Tails } from './tails.ts'
import type { LogPlace } from './writes/mip.ts'

/** Peers and mirrors by their address. */
export interface MipRemotes {
  /** null: an address that this deployment cannot or may not open. The same address gives the same remote while it is in use. */
  open(address: string): MipRemote | null
  /** In place of all addresses: an archive that was brought along. */
  only?: BroughtLog
}

/** A log that was brought along and cannot be asked for more. */
export interface BroughtLog extends MipRemote {
  /** The last place where it has the entry that is here, -1 for none; null: it begins behind the place where the branches part. */
  readonly lastShared: number | null
}

/** What a host brings for the interchange of memory with peers. */
export interface MipParts {
  /** Null: this deployment has no peer key, so it publishes nothing. */
  signer: Signer | null
  /** Judges signatures of others, with a key of our own or without. */
  ed25519: Ed25519
  /** Whether logs that organisations follow are served on to others. */
  mirrors: boolean
  remotes: MipRemotes
  /** Entries were added to a log of ours, and are stored: peers may be told. Default: nobody is. */
  announce?(log: LogName): void
  /** Sockets for those who wait for a log; absent: they ask again. */
  tails?: Tails
}

/** Told by gossip, a WebSocket tail or a hello: a log may have gone on. */
export interface HeadHints {
  /**
   * Makes subscriptions due that are behind this place. Nothing is believed: a wrong hint costs one look.
   * @throws whatever the database throws
   */
  headSeen(did: string, log: string, epoch: number, seq: number): Promise<void>
}

/** Where the logs end that are served here, those of others included, for which nobody here may sign a head. */
export interface LogEnds {
  /** null: not served, or nothing in it yet. */
  end(log: LogName): Promise<LogPlace | null>
}
