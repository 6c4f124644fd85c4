import { readFile, writeFile } from 'node:fs/promises'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { cidOf } from '../protocol/core/cid.ts'
import { fromJsonView, type JsonView, toJsonView } from '../protocol/core/json-view.ts'
import { decodeMipCbor, encodeMipCbor } from '../protocol/core/mip-cbor.ts'
import { encodeRevision } from '../protocol/core/revision.ts'
import { fromShortPaperCube, type ShortPaperOptions } from '../protocol/core/short-paper.ts'
import type { Revision } from '../schemas/revision.ts'
import { CID_INVALID, CID_VALID } from '../test/conformance/cases/cid.ts'
import { archiveVectors } from '../test/conformance/cases/log-archive.ts'
import { MIP_CBOR_INVALID, MIP_CBOR_VALID } from '../test/conformance/cases/mip-cbor.ts'
import { evolutionVectors } from '../test/conformance/cases/mip-evolution.ts'
import { gossipVectors } from '../test/conformance/cases/mip-gossip.ts'
import { delegationVectors, logVectors, proofVectors } from '../test/conformance/cases/mip-logs.ts'
import { entryVectors, headVectors, keyVectors, signatureVectors } from '../test/conformance/cases/mip-objects.ts'
import { receiptVectors } from '../test/conformance/cases/mip-receipt.ts'
import { reconVectors } from '../test/conformance/cases/mip-recon.ts'
import { wireVectors } from '../test/conformance/cases/mip-wire.ts'
import { REVISION_INVALID_OBJECTS, REVISION_INVALID_VIEWS, REVISION_VALID } from '../test/conformance/cases/revision.ts'
import { SHORT_PAPER_INVALID, SHORT_PAPER_VALID } from '../test/conformance/cases/short-paper.ts'
import { BLOB_FILES } from './blob-vectors.ts'

/**
 * Writes test/vectors/*.json from test/conformance/cases: `node scripts/vectors.ts`. With `--check` it writes nothing and fails when a file
 * would change.
 */
const FILES = {
  'mip-cbor': mipCborVectors(),
  cid: cidVectors(),
  revision: revisionVectors(),
  'short-paper': shortPaperVectors(),
  'mip-key': keyVectors(),
  'mip-signature': await signatureVectors(),
  'mip-entry': await entryVectors(),
  'mip-head': await headVectors(),
  'mip-delegation': await delegationVectors(),
  'mip-log': await logVectors(),
  'mip-proof': await proofVectors(),
  'mip-recon': reconVectors(),
  'mip-receipt': await receiptVectors(),
  'mip-evolution': await evolutionVectors(),
  'mip-wire': await wireVectors(),
  'mip-gossip': await gossipVectors(),
  'log-archive': await archiveVectors(),
  ...BLOB_FILES,
}

function mipCborVectors() {
  const valid = MIP_CBOR_VALID.map(({ title, json }) => {
    const bytes = encodeMipCbor(fromJsonView(json))
    return { title, valid: true, hex: bytesToHex(bytes), cid: cidOf(bytes, 'object'), json }
  })
  return [...valid, ...MIP_CBOR_INVALID.map((vector) => ({ ...vector, valid: false }))]
}

function cidVectors() {
  const valid = CID_VALID.map((vector) => ({
    ...vector,
    valid: true,
    cid: cidOf(hexToBytes(vector.hex), vector.codec),
  }))
  return [...valid, ...CID_INVALID.map((vector) => ({ ...vector, valid: false }))]
}

function revisionVectors() {
  const valid = REVISION_VALID.map(({ title, view }) => {
    const { cid, bytes } = encodeRevision(view as Revision)
    return { title, valid: true, cid, hex: bytesToHex(bytes), view }
  })
  const right = toJsonView(decodeMipCbor(hexToBytes(valid[0]!.hex))) as Record<string, JsonView>
  const objects = REVISION_INVALID_OBJECTS.map(({ title, change, field }) => {
    const bytes = encodeMipCbor(fromJsonView({ ...right, ...(change as Record<string, JsonView>) }))
    return { title, valid: false, field, hex: bytesToHex(bytes) }
  })
  return [...valid, ...REVISION_INVALID_VIEWS.map((vector) => ({ ...vector, valid: false })), ...objects]
}

function shortPaperVectors() {
  const valid = SHORT_PAPER_VALID.map(({ title, example, options }) => {
    const expected = fromShortPaperCube(example, options as ShortPaperOptions)
    const cid = expected.outcome === 'revision' ? { cid: encodeRevision(expected.revision).cid } : {}
    return { title, valid: true, example, options, expected, ...cid }
  })
  return [...valid, ...SHORT_PAPER_INVALID.map((vector) => ({ ...vector, valid: false }))]
}

const check = process.argv.includes('--check')
for (const [name, vectors] of Object.entries(FILES)) {
  const url = new URL(`../test/vectors/${name}.json`, import.meta.url)
  const text = `${JSON.stringify(vectors, null, 1)}\n`
  if (!check) await writeFile(url, text)
  else if ((await readFile(url, 'utf8').catch(() => '')) !== text) {
    console.error(`test/vectors/${name}.json is stale: run node scripts/vectors.ts`)
    process.exitCode = 1
  }
}
