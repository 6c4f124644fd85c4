import { concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { NODE_PROOF_DOMAIN } from '../../schemas/node-message.ts'

/**
 * What a GPU node signs to prove its key: NODE_PROOF_DOMAIN, the origin of the edge it means to join, a zero byte, the nonce of the edge.
 * An origin holds no zero byte, so no two pairs give the same bytes. `nonce`: hex.
 */
export const nodeProofBytes = (origin: string, nonce: string): Uint8Array =>
  concatBytes(utf8ToBytes(NODE_PROOF_DOMAIN), utf8ToBytes(origin), Uint8Array.of(0), hexToBytes(nonce))
