import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { expectBytes } from '../../../protocol/core/cid.ts'
import { type Ed25519, publicKeyOfSeed } from '../../../protocol/core/ed25519-rule.ts'
import { signEntry } from '../../../protocol/core/entry.ts'
import { signReceipt } from '../../../protocol/core/erase-receipt.ts'
import { signHead } from '../../../protocol/core/head.ts'
import { didOfKey, KEY_BYTES } from '../../../protocol/core/keys.ts'
import type { Did } from '../../../schemas/did.ts'
import type { Signer, SigningKey } from '../../ports/signer.ts'

/** What a key derived from the peer key is for (HKDF-SHA256, RFC 5869, `info`). */
const INFO = { publish: 'mip/1/publish\0', node: 'mip/1/node' } as const

/** Seed of the libp2p node, 32 bytes. `peerKey`: 32 bytes. */
export const nodeSeed = (peerKey: Uint8Array): Uint8Array => derived(peerKey, INFO.node)

/** Publishing keys that are kept. */
const KEYS_MAX = 1000

/** Every key of this deployment from one secret: whoever restores that secret has them all back, and none has to be stored. */
export class PeerKeySigner implements Signer {
  readonly ed25519: Ed25519
  readonly #peerKey: Uint8Array
  /** Deriving a key takes as long as ten signatures. */
  readonly #publishing = new Map<string, SigningKey>()

  /** `peerKey`: 32 bytes. @throws RangeError for another length */
  constructor(peerKey: Uint8Array, ed25519: Ed25519) {
    this.#peerKey = expectBytes(peerKey, KEY_BYTES, 'peerKey')
    this.ed25519 = ed25519
  }

  async publishing(orgId: string): Promise<SigningKey> {
    const known = this.#publishing.get(orgId)
    if (known !== undefined) return known
    const seed = derived(this.#peerKey, `${INFO.publish}${orgId}`)
    const key: SigningKey = {
      did: didOfKey(publicKeyOfSeed(seed)),
      signEntry: (entry) => signEntry(entry, seed, this.ed25519),
      signHead: (head) => signHead(head, seed, this.ed25519),
      signReceipt: (receipt) => signReceipt(receipt, seed, this.ed25519),
    }
    if (this.#publishing.size >= KEYS_MAX) this.#publishing.clear()
    this.#publishing.set(orgId, key)
    return key
  }

  async node(): Promise<Did> {
    return didOfKey(publicKeyOfSeed(nodeSeed(this.#peerKey)))
  }
}

const derived = (peerKey: Uint8Array, info: string): Uint8Array =>
  hkdf(sha256, peerKey, undefined, utf8ToBytes(info), KEY_BYTES)
