import type { Ed25519 } from '../../protocol/core/ed25519-rule.ts'
import type { OpenedEntry } from '../../protocol/core/entry.ts'
import type { OpenedReceipt } from '../../protocol/core/erase-receipt.ts'
import type { OpenedHead } from '../../protocol/core/head.ts'
import type { Did } from '../../schemas/did.ts'
import type { Entry, Head } from '../../schemas/mip-entry.ts'
import type { EraseReceipt } from '../../schemas/mip-receipt.ts'

/** A key that signs and is never handed out. */
export interface SigningKey {
  readonly did: Did
  /** @throws MipError `invalid_entry` or `too_large` */
  signEntry(entry: Entry): Promise<OpenedEntry>
  signHead(head: Head): Promise<OpenedHead>
  signReceipt(receipt: EraseReceipt): Promise<OpenedReceipt>
}

/** The keys of this deployment, all of one secret, and the rule by which signatures of others are judged. */
export interface Signer {
  readonly ed25519: Ed25519
  /** The key by which this deployment appends to the logs of an organisation, once its root has delegated that. */
  publishing(orgId: string): Promise<SigningKey>
  /** did:key of the libp2p node. */
  node(): Promise<Did>
}
