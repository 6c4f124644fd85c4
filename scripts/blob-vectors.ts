import { bytesToHex } from '@noble/hashes/utils.js'
import { descriptorBytes, descriptorCid, fingerprintOf } from '../protocol/core/fingerprint.ts'
import { fromJsonView } from '../protocol/core/json-view.ts'
import { encodeManifest } from '../protocol/core/manifest.ts'
import { encodeMipCbor } from '../protocol/core/mip-cbor.ts'
import { negotiate } from '../protocol/core/negotiation.ts'
import { deny, EMPTY_DENY_SET, isDenied, revocationEffects } from '../protocol/core/revocation.ts'
import { readSafetensorsHeader } from '../protocol/core/safetensors-header.ts'
import { FINGERPRINT_INVALID, MODELS, NEGOTIATION_CASES, offersOf } from '../test/conformance/cases/fingerprint.ts'
import { MANIFEST_INVALID, MANIFEST_VALID, manifestOfCase } from '../test/conformance/cases/manifest.ts'
import { OFFERED_LATER, REVOCATION_CASES, REVOCATION_NOW_MS } from '../test/conformance/cases/revocation.ts'
import { SAFETENSORS_INVALID, SAFETENSORS_VALID, safetensorsStart } from '../test/conformance/cases/safetensors.ts'

/** Vectors about blobs and models, by the name of their file; written by scripts/vectors.ts. */
export const BLOB_FILES = {
  manifest: manifestVectors(),
  fingerprint: fingerprintVectors(),
  negotiation: negotiationVectors(),
  safetensors: safetensorsVectors(),
  revocation: revocationVectors(),
}

function manifestVectors() {
  const valid = MANIFEST_VALID.map((one) => {
    const { cid, bytes, pages } = encodeManifest(manifestOfCase(one))
    return { ...one, valid: true, cid, hex: bytesToHex(bytes), pages: pages.map((page) => page.cid) }
  })
  const invalid = MANIFEST_INVALID.map(({ title, json, reason }) => {
    const hex = bytesToHex(encodeMipCbor(fromJsonView(json)))
    return { title, valid: false, reason, hex }
  })
  return [...valid, ...invalid]
}

function fingerprintVectors() {
  const valid = Object.entries(MODELS).map(([title, model]) => {
    const print = fingerprintOf(model)
    return {
      title,
      valid: true,
      ...print,
      cid: descriptorCid(print.fp),
      hex: bytesToHex(descriptorBytes(model)),
      model,
    }
  })
  return [...valid, ...FINGERPRINT_INVALID.map((vector) => ({ ...vector, valid: false }))]
}

function negotiationVectors() {
  return NEGOTIATION_CASES.map((one) => {
    const result = negotiate(offersOf(one), fingerprintOf(MODELS[one.own]!), one.trusted)
    return { title: one.title, valid: true, own: one.own, trusted: one.trusted, offers: one.offers, ...result }
  })
}

function safetensorsVectors() {
  const valid = SAFETENSORS_VALID.map(([title, json, dataBytes]) => {
    const start = safetensorsStart(json)
    const fileBytes = start.length + dataBytes
    const { dataStart, tensors } = readSafetensorsHeader(start, fileBytes)
    return { title, valid: true, hex: bytesToHex(start), fileBytes, dataStart, tensors: [...tensors()] }
  })
  const invalid = SAFETENSORS_INVALID.map(([title, json, dataBytes, reason]) => {
    const start = safetensorsStart(json)
    return { title, valid: false, reason, hex: bytesToHex(start), fileBytes: start.length + dataBytes }
  })
  return [...valid, ...invalid]
}

function revocationVectors() {
  return REVOCATION_CASES.map(({ title, revocation, revisions }) => {
    const effects = revocationEffects(revocation, revisions, REVOCATION_NOW_MS)
    const set = deny(EMPTY_DENY_SET, revocation, effects)
    const offered = OFFERED_LATER.map((one) => ({ ...one, refused: isDenied(set, one) }))
    return { title, valid: true, nowMs: REVOCATION_NOW_MS, revocation, revisions, effects, offered }
  })
}
