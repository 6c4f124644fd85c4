import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { encodeMipCbor } from '../../../protocol/core/mip-cbor.ts'
import { sha256 } from '../../../protocol/core/sha256.ts'
import type { DecoderModel } from '../model/decoder-model.ts'
import type { KvDtype } from './kv-codec.ts'
import { tokenBytes } from './kv-codec.ts'

const BLOCK_DOMAIN = 'memos/kv-block/1\0'
const COMPOSITION_DOMAIN = 'memos/kv-composition/1\0'

/** Everything that keys and values of some tokens depend on. */
export interface KvKeyFacts {
  model: Pick<DecoderModel, 'config' | 'descriptor' | 'fingerprint'>
  /** Names of the adapters in effect beside those of the descriptor, in the order of application. */
  adapters?: readonly string[]
  /** Precision that the numbers have been through. */
  dtype: KvDtype | 'fp32'
  /** Tokens that these could see in front of them. */
  prefixIds: readonly number[]
  tokenIds: readonly number[]
  positionStart: number
}

/** What depends on the model alone is digested once for each. */
const MODEL_DIGESTS = new WeakMap<object, Uint8Array>()

function modelDigest(model: KvKeyFacts['model']): Uint8Array {
  const known = MODEL_DIGESTS.get(model)
  if (known !== undefined) return known
  const { descriptor, fingerprint, config } = model
  const made = sha256(
    encodeMipCbor({
      model: hexToBytes(fingerprint.fp),
      tokenizer: hexToBytes(descriptor.tokenizerHash),
      adapters: descriptor.adapters,
      layout: {
        kv: descriptor.runtimeLayout.kv,
        layers: config.layers,
        kvHeads: config.kvHeads,
        headDim: config.headDim,
      },
      rope: { descriptor: descriptor.rope, thetaMilli: Math.round(config.ropeTheta * 1000) },
    }),
  )
  MODEL_DIGESTS.set(model, made)
  return made
}

/** Key of a block, 64 hex digits: equal keys mean equal numbers on one runtime, and any other fact another key. */
export function kvKey({ model, adapters = [], dtype, prefixIds, tokenIds, positionStart }: KvKeyFacts): string {
  // JSON has no zero byte, and the counts stand in it: no two sets of facts share bytes.
  const facts = JSON.stringify([adapters, dtype, positionStart, prefixIds.length, tokenIds.length])
  const head = utf8ToBytes(`${BLOCK_DOMAIN}${facts}\0`)
  return digest([head, modelDigest(model), tokenBytes(prefixIds), tokenBytes(tokenIds)])
}

/** Key of blocks that were composed in this order behind their prefix. */
export const compositionKey = (keys: readonly string[]): string =>
  digest([utf8ToBytes(COMPOSITION_DOMAIN), ...keys.map(hexToBytes)])

function digest(parts: readonly Uint8Array[]): string {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return bytesToHex(sha256(whole))
}
