import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { type CidCodec, cidOf, isCid, matchesCid } from '../../protocol/core/cid.ts'
import { fromJsonView, type JsonView, toJsonView } from '../../protocol/core/json-view.ts'
import { decodeMipCbor, encodeMipCbor } from '../../protocol/core/mip-cbor.ts'
import { decodeRevision, encodeRevision, verifyRevision } from '../../protocol/core/revision.ts'
import { fromShortPaperCube, type ShortPaperOptions } from '../../protocol/core/short-paper.ts'
import type { Cid } from '../../schemas/cid.ts'
import type { Revision } from '../../schemas/revision.ts'
import cidFile from '../vectors/cid.json' with { type: 'json' }
import mipCborFile from '../vectors/mip-cbor.json' with { type: 'json' }
import revisionFile from '../vectors/revision.json' with { type: 'json' }
import shortPaperFile from '../vectors/short-paper.json' with { type: 'json' }

interface Vector {
  title: string
  valid: boolean
  hex?: string
  cid?: Cid
  codec?: CidCodec
  json?: JsonView
  view?: Revision
  text?: string
  field?: string
  reason?: string
  example?: unknown
  options?: ShortPaperOptions
  expected?: unknown
}

/** Replays every vector. Needs no file system, so every runtime can run it. */
export function replayVectors(runtime: string) {
  replay(`MIP-CBOR vectors on ${runtime}`, mipCborFile, acceptMipCbor, (vector) => {
    expect(() => decodeMipCbor(hexToBytes(vector.hex!))).toThrow(expect.objectContaining({ reason: vector.reason }))
  })
  replay(`CID vectors on ${runtime}`, cidFile, acceptCid, (vector) => expect(isCid(vector.text)).toBe(false))
  replay(`revision vectors on ${runtime}`, revisionFile, acceptRevision, (vector) => {
    const refused = () => (vector.view ? encodeRevision(vector.view) : decodeRevision(hexToBytes(vector.hex!)))
    expect(refused).toThrow(problem('invalid_revision', vector.field))
  })
  replay(`short paper vectors on ${runtime}`, shortPaperFile, acceptShortPaper, (vector) => {
    expect(() => fromShortPaperCube(vector.example, vector.options!)).toThrow(problem('invalid_request', vector.field))
  })
}

function replay(name: string, file: unknown, accept: (vector: Vector) => void, refuse: (vector: Vector) => void) {
  describe(name, () => {
    for (const vector of file as Vector[]) {
      it(`${vector.valid ? 'accepts' : 'refuses'}: ${vector.title}`, () => (vector.valid ? accept : refuse)(vector))
    }
  })
}

const problem = (code: string, field: string | undefined) =>
  expect.objectContaining({ code, facts: expect.objectContaining({ field }) })

function acceptMipCbor({ hex, json, cid }: Vector) {
  const bytes = hexToBytes(hex!)
  expect(bytesToHex(encodeMipCbor(fromJsonView(json!)))).toBe(hex)
  expect(toJsonView(decodeMipCbor(bytes))).toEqual(json)
  expect(cidOf(bytes, 'object')).toBe(cid)
}

function acceptCid({ hex, codec, cid }: Vector) {
  expect(cidOf(hexToBytes(hex!), codec!)).toBe(cid)
  expect(isCid(cid)).toBe(true)
  expect(matchesCid(cid!, hexToBytes(hex!))).toBe(true)
}

function acceptRevision({ hex, view, cid }: Vector) {
  const encoded = encodeRevision(view!)
  expect(bytesToHex(encoded.bytes)).toBe(hex)
  expect(encoded.cid).toBe(cid)
  expect(decodeRevision(hexToBytes(hex!))).toEqual(view)
  expect(verifyRevision(cid!, hexToBytes(hex!))).toEqual(view)
}

function acceptShortPaper({ example, options, expected, cid }: Vector) {
  const imported = fromShortPaperCube(example, options!)
  expect(imported).toEqual(expected)
  expect(imported.outcome === 'revision' ? encodeRevision(imported.revision).cid : undefined).toBe(cid)
}
