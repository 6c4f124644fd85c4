import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { descriptorBytes, descriptorCid, fingerprintOf } from '../../protocol/core/fingerprint.ts'
import {
  chunkCount,
  chunkLength,
  decodeManifest,
  encodeManifest,
  isChunk,
  isPaged,
  joinPages,
} from '../../protocol/core/manifest.ts'
import { type Negotiation, negotiate } from '../../protocol/core/negotiation.ts'
import {
  deny,
  EMPTY_DENY_SET,
  isDenied,
  type KnownRevision,
  type Revocation,
  type RevocationEffects,
  revocationEffects,
} from '../../protocol/core/revocation.ts'
import { readSafetensorsHeader } from '../../protocol/core/safetensors-header.ts'
import type { ModelDescriptor } from '../../schemas/model-descriptor.ts'
import fingerprintFile from '../vectors/fingerprint.json' with { type: 'json' }
import manifestFile from '../vectors/manifest.json' with { type: 'json' }
import negotiationFile from '../vectors/negotiation.json' with { type: 'json' }
import revocationFile from '../vectors/revocation.json' with { type: 'json' }
import safetensorsFile from '../vectors/safetensors.json' with { type: 'json' }
import { type NegotiationCase, offersOf } from './cases/fingerprint.ts'
import { type ManifestCase, manifestOfCase, patternBytes } from './cases/manifest.ts'

interface Item {
  title: string
  valid: boolean
  hex: string
  cid: string
  reason: string
  field: string
}
type ManifestItem = Item & ManifestCase & { pages: string[] }
type FingerprintItem = Item & { model: ModelDescriptor; fp: string }
type NegotiationItem = Item & NegotiationCase & Negotiation
type RevocationItem = Item & {
  nowMs: number
  revocation: Revocation
  revisions: KnownRevision[]
  effects: RevocationEffects
  offered: (Pick<KnownRevision, 'cid' | 'org' | 'cube' | 'rev'> & { refused: boolean })[]
}
type SafetensorsItem = Item & { fileBytes: number; dataStart: number; tensors: unknown[] }

/** Replays the vectors about blobs and models. Needs no file system, so every runtime can run it. */
export function replayBlobVectors(runtime: string) {
  replay<ManifestItem>(`manifest vectors on ${runtime}`, manifestFile, acceptManifest, ({ hex, reason }) => {
    expect(() => decodeManifest(hexToBytes(hex))).toThrow(expect.objectContaining({ reason }))
  })
  replay<FingerprintItem>(`fingerprint vectors on ${runtime}`, fingerprintFile, acceptModel, ({ model, field }) => {
    expect(() => fingerprintOf(model)).toThrow(`"${field}"`)
  })
  replay<NegotiationItem>(`negotiation vectors on ${runtime}`, negotiationFile, acceptLevel, () => expect.unreachable())
  replay<RevocationItem>(`revocation vectors on ${runtime}`, revocationFile, acceptEffects, () => expect.unreachable())
  replay<SafetensorsItem>(`safetensors vectors on ${runtime}`, safetensorsFile, acceptHeader, (item) => {
    const refused = () => readSafetensorsHeader(hexToBytes(item.hex), item.fileBytes)
    expect(refused).toThrow(expect.objectContaining({ reason: item.reason }))
  })
}

function replay<T extends Item>(name: string, file: unknown, accept: (item: T) => void, refuse: (item: T) => void) {
  describe(name, () => {
    for (const item of file as T[])
      it(`${item.valid ? 'accepts' : 'refuses'}: ${item.title}`, () => (item.valid ? accept : refuse)(item))
  })
}

function acceptManifest(item: ManifestItem) {
  const manifest = manifestOfCase(item)
  const encoded = encodeManifest(manifest)
  expect({ hex: bytesToHex(encoded.bytes), cid: encoded.cid }).toEqual({ hex: item.hex, cid: item.cid })
  expect(encoded.pages.map((page) => page.cid)).toEqual(item.pages)
  const root = decodeManifest(hexToBytes(item.hex))
  const pages = encoded.pages.map((page) => page.bytes)
  const whole = isPaged(root) ? joinPages(root, pages) : root
  expect(bytesToHex(whole.hashes)).toBe(bytesToHex(manifest.hashes))
  if (item.content === 'counted') return
  const bytes = patternBytes(item.size)
  for (let i = 0; i < chunkCount(root); i++) {
    const chunk = bytes.slice(i * item.chunk, i * item.chunk + chunkLength(root, i))
    expect(isChunk(whole, i, chunk)).toBe(true)
    chunk[0]! ^= 1
    expect(isChunk(whole, i, chunk)).toBe(false)
  }
}

function acceptModel({ model, hex, cid, title: _, valid: __, ...print }: FingerprintItem) {
  expect(bytesToHex(descriptorBytes(model))).toBe(hex)
  expect(fingerprintOf(model)).toEqual(print)
  expect(descriptorCid(print.fp)).toBe(cid)
}

function acceptLevel(item: NegotiationItem) {
  const own = (fingerprintFile as unknown as FingerprintItem[]).find((model) => model.title === item.own)!
  const { level, at, needsProbe } = item
  expect(negotiate(offersOf(item), fingerprintOf(own.model), item.trusted)).toEqual({ level, at, needsProbe })
}

function acceptHeader({ hex, fileBytes, dataStart, tensors }: SafetensorsItem) {
  const header = readSafetensorsHeader(hexToBytes(hex), fileBytes)
  expect(header.dataStart).toBe(dataStart)
  expect([...header.tensors()]).toEqual(tensors)
}

function acceptEffects({ revocation, revisions, nowMs, effects, offered }: RevocationItem) {
  expect(revocationEffects(revocation, revisions, nowMs)).toEqual(effects)
  expect(revocationEffects(revocation, revisions.toReversed(), nowMs)).toEqual(effects)
  const set = deny(EMPTY_DENY_SET, revocation, effects)
  for (const { refused, ...one } of offered) expect(isDenied(set, one)).toBe(refused)
}
