import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { type Fingerprint, fingerprintOf, weightsHash } from '../../../protocol/core/fingerprint.ts'
import type { ModelDescriptor } from '../../../schemas/model-descriptor.ts'
import { Probe as ProbeSchema } from '../../../schemas/rendition.ts'
import { NodeError } from '../node-error.ts'
import { type LlamaShape, readLlamaConfig } from './llama-config.ts'
import type { ModelFiles } from './model-files.ts'
import type { Probe } from './probe.ts'

const WEIGHTS = 'model.safetensors'
const WEIGHTS_INDEX = 'model.safetensors.index.json'

/** What the small files of a model say, and which model it is. The weights are only hashed. */
export interface ModelParts {
  shape: LlamaShape
  tokenizerJson: unknown
  tokenizerConfig: TokenizerConfig
  chatTemplate: string | null
  /** From `probe.json`, which is no part of the fingerprint. */
  probe: Probe | null
  descriptor: ModelDescriptor
  fingerprint: Fingerprint
  /** Bytes of all shards. */
  weightBytes: number
}

/** `tokenizer_config.json`, as far as it is used here. */
export type TokenizerConfig = Readonly<Record<string, unknown>>

/** Reads everything but the numbers of the weights. @throws NodeError `invalid_input` naming the file that is missing or wrong */
export async function readModelParts(files: ModelFiles): Promise<ModelParts> {
  const config = await required(files, 'config.json')
  const shape = readLlamaConfig(jsonOf('config.json', config))
  const tokenizer = await required(files, 'tokenizer.json')
  const settings = await files.read('tokenizer_config.json')
  const tokenizerConfig = settings ? (jsonOf('tokenizer_config.json', settings) as TokenizerConfig) : {}
  const chatTemplate = await chatTemplateOf(files, tokenizerConfig)
  const shards: { name: string; sha256: string }[] = []
  let weightBytes = 0
  for (const { name, bytes } of await readShards(files)) {
    shards.push({ name, sha256: hash(bytes) })
    weightBytes += bytes.length
  }
  const descriptor: ModelDescriptor = {
    v: 1,
    arch: shape.arch,
    configHash: hash(config),
    weightsHash: weightsHash(shards),
    tokenizerHash: hash(tokenizer),
    chatTemplateHash: chatTemplate === null ? null : hash(new TextEncoder().encode(chatTemplate)),
    rope: { kind: 'default', settings: { thetaMilli: Math.round(shape.ropeTheta * 1000) } },
    quant: null,
    adapters: [],
    runtimeLayout: { kv: 'bhtd', dtype: 'fp32', settings: {} },
  }
  return {
    shape,
    tokenizerJson: jsonOf('tokenizer.json', tokenizer),
    tokenizerConfig,
    chatTemplate,
    probe: await probeIn(files),
    descriptor,
    fingerprint: fingerprintOf(descriptor),
    weightBytes,
  }
}

/** The files with weights, in the order of their names. @throws NodeError `invalid_input` */
export async function readShards(files: ModelFiles): Promise<{ name: string; bytes: Uint8Array }[]> {
  const index = await files.read(WEIGHTS_INDEX)
  const names = index ? shardNames(jsonOf(WEIGHTS_INDEX, index)) : [WEIGHTS]
  return Promise.all(names.map(async (name) => ({ name, bytes: await required(files, name) })))
}

function shardNames(index: unknown): string[] {
  const map = (index as { weight_map?: unknown } | null)?.weight_map
  const names = typeof map === 'object' && map !== null ? [...new Set(Object.values(map))] : []
  if (names.length === 0 || !names.every((name) => typeof name === 'string' && /^[\w.-]+\.safetensors$/.test(name)))
    throw new NodeError('invalid_input', `${WEIGHTS_INDEX} names no shards`)
  return (names as string[]).toSorted()
}

/** A file of its own, or the text in `tokenizer_config.json`: both have one hash. */
async function chatTemplateOf(files: ModelFiles, config: TokenizerConfig): Promise<string | null> {
  const file = await files.read('chat_template.jinja')
  if (file) return new TextDecoder().decode(file)
  return typeof config.chat_template === 'string' ? config.chat_template : null
}

async function probeIn(files: ModelFiles): Promise<Probe | null> {
  const bytes = await files.read('probe.json')
  if (!bytes) return null
  const result = ProbeSchema.safeParse(jsonOf('probe.json', bytes))
  if (!result.success) throw new NodeError('invalid_input', 'probe.json is no probe', { cause: result.error })
  return result.data
}

async function required(files: ModelFiles, name: string): Promise<Uint8Array> {
  const bytes = await files.read(name)
  if (!bytes) throw new NodeError('invalid_input', `the model has no ${name}`)
  return bytes
}

function jsonOf(name: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes))
  } catch (error) {
    throw new NodeError('invalid_input', `${name} is not JSON`, { cause: error })
  }
}

const hash = (bytes: Uint8Array) => bytesToHex(sha256(bytes))
