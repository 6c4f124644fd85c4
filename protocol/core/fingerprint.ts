import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { equals } from 'multiformats/bytes'
import { CID } from 'multiformats/cid'
import type { Cid } from '../../schemas/cid.ts'
import { ModelDescriptor } from '../../schemas/model-descriptor.ts'
import { cidOfDigest, cidOfLink, linkOf } from './cid.ts'
import { decodeMipCbor, encodeMipCbor, type MipValue } from './mip-cbor.ts'

/** Digests of one model, as hex. Equal digests mean equal parts. */
export interface Fingerprint {
  /** Of the whole descriptor: KV of one model is KV of the other. */
  fp: string
  /** Of all but the runtime's layout: the same numbers, perhaps in another order. */
  values: string
  /** Of `values` without adapters: what a LoRA attaches to. */
  base: string
  /** No adapter is in effect. */
  isBare: boolean
  tokenizer: string
}

/**
 * The fingerprint of a model: `fp` is the sha2-256 of its descriptor as MIP-CBOR (MIP 4.6).
 * @throws RangeError naming the field that is wrong.
 */
export function fingerprintOf(descriptor: ModelDescriptor): Fingerprint {
  const { runtimeLayout: _layout, ...values } = objectOf(checked(descriptor))
  const { adapters: _adapters, ...base } = values
  return {
    fp: bytesToHex(sha256(descriptorBytes(descriptor))),
    values: digest(values),
    base: digest(base),
    isBare: descriptor.adapters.length === 0,
    tokenizer: descriptor.tokenizerHash,
  }
}

/** The canonical bytes of a descriptor. They are an object: whoever knows `fp` knows its CID, see descriptorCid. @throws RangeError */
export function descriptorBytes(descriptor: ModelDescriptor): Uint8Array {
  return encodeMipCbor(objectOf(checked(descriptor)))
}

/** The address at which the descriptor behind a fingerprint can be asked for. */
export function descriptorCid(fp: string): Cid {
  return cidOfDigest(hexToBytes(fp), 'object')
}

/**
 * Digest over the weights: the sha2-256 of the MIP-CBOR array of [shard name, sha2-256] in order of names, byte by byte in UTF-8.
 * @throws RangeError for two shards of one name.
 */
export function weightsHash(shards: readonly { name: string; sha256: string }[]): string {
  const encoder = new TextEncoder()
  const named = shards.map((shard) => ({ ...shard, key: bytesToHex(encoder.encode(shard.name)) }))
  const sorted = named.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  if (sorted.some((shard, i) => shard.key === sorted[i - 1]?.key))
    throw new RangeError('"shards" expected no name twice')
  return digest(sorted.map(({ name, sha256: hex }) => [name, hexToBytes(hex)]))
}

const digest = (value: MipValue) => bytesToHex(sha256(encodeMipCbor(value)))

function checked(descriptor: ModelDescriptor): ModelDescriptor {
  const result = ModelDescriptor.safeParse(descriptor)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  throw new RangeError(`"${issue.path.join('.')}" ${issue.message}`)
}

function objectOf(descriptor: ModelDescriptor): { [key: string]: MipValue } {
  const { configHash, weightsHash: weights, tokenizerHash, chatTemplateHash, adapters, ...rest } = descriptor
  return {
    ...rest,
    configHash: hexToBytes(configHash),
    weightsHash: hexToBytes(weights),
    tokenizerHash: hexToBytes(tokenizerHash),
    chatTemplateHash: chatTemplateHash === null ? null : hexToBytes(chatTemplateHash),
    adapters: adapters.map((cid) => linkOf(cid)),
  }
}

/** Reads a descriptor, as it is found at its address. @throws RangeError naming what is wrong; MipCborError */
export function openDescriptor(bytes: Uint8Array): ModelDescriptor {
  const read = decodeMipCbor(bytes)
  const plain = (value: MipValue): unknown => {
    if (value instanceof Uint8Array) return bytesToHex(value)
    const link = CID.asCID(value)
    return link === null ? value : cidOfLink(link)
  }
  if (typeof read !== 'object' || read === null || Array.isArray(read) || read instanceof Uint8Array)
    throw new RangeError('expected a map')
  const { adapters = null, ...rest } = read as { [key: string]: MipValue }
  const view: Record<string, unknown> = { adapters: Array.isArray(adapters) ? adapters.map(plain) : adapters }
  for (const [key, value] of Object.entries(rest)) view[key] = plain(value)
  const descriptor = checked(view as ModelDescriptor)
  // Text where bytes belong would be another object with the same view.
  if (!equals(descriptorBytes(descriptor), bytes)) throw new RangeError('expected the bytes of a descriptor')
  return descriptor
}
