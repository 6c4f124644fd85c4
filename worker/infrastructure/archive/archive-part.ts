import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { base64 } from 'multiformats/bases/base64'
import { verifyRevision } from '../../../protocol/core/revision.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { ARCHIVE_BATCH_ITEMS_MAX } from '../../../schemas/limits.ts'
import type { Revision } from '../../../schemas/revision.ts'
import {
  type ArchiveRecord,
  type ArchiveRevision,
  CubeLine,
  EndLine,
  invalidArchive,
  parseAs,
  textOf,
} from './archive-format.ts'
import { canonicalJson } from './canonical-json.ts'

const utf8 = new TextEncoder()
const LINE_FEED = 10

/** A revision of an archive whose bytes are what its CID names. */
export interface CheckedRevision extends Omit<ArchiveRevision, 'bytes' | 'cid'> {
  cid: Cid
  bytes: Uint8Array
  view: Revision
}

/** A cube of an archive after all checks that need no database. */
export interface CheckedCube {
  /** Number of the cube in the archive, from 1. */
  line: number
  cubeId: string
  record: ArchiveRecord
  /** Oldest first; the last one is the current one. */
  revisions: CheckedRevision[]
}

export const sha256Hex = (bytes: Uint8Array): string => bytesToHex(sha256(bytes))

/** Bytes of a part: a line for each cube, then the line that seals them. */
export function sealPart(part: number, lines: readonly string[]): Uint8Array {
  const body = lines.map((line) => `${line}\n`).join('')
  const end: EndLine = { part, cubes: lines.length, sha256: sha256Hex(utf8.encode(body)) }
  return utf8.encode(`${body}${canonicalJson(end)}\n`)
}

/**
 * The cubes of a part, after checking its seal, every CID and every chain.
 * @throws MemosError invalid_archive naming entry and line
 */
export function readPart(name: string, part: number, bytes: Uint8Array, firstLine: number): CheckedCube[] {
  const end = bytes.lastIndexOf(LINE_FEED, bytes.length - 2) + 1
  if (bytes.at(-1) !== LINE_FEED || end === 0) throw invalidArchive(name, 'cube lines and an end line')
  const seal = parseAs(EndLine, textOf(bytes.subarray(end), name), `${name} end line`)
  const body = bytes.subarray(0, end)
  if (seal.sha256 !== sha256Hex(body)) throw invalidArchive(name, 'bytes that match the checksum of the end line')
  const lines = textOf(body, name).split('\n').slice(0, -1)
  if (seal.part !== part || seal.cubes !== lines.length)
    throw invalidArchive(`${name} end line`, `part ${part} and the number of its cubes`)
  if (lines.length > ARCHIVE_BATCH_ITEMS_MAX) throw invalidArchive(name, `at most ${ARCHIVE_BATCH_ITEMS_MAX} cubes`)
  const cubes = lines.map((line, at) => checkCube(line, firstLine + at, `${name} line ${at + 1}`))
  if (new Set(cubes.map((cube) => cube.cubeId)).size !== cubes.length) throw invalidArchive(name, 'no cube twice')
  return cubes
}

function checkCube(text: string, line: number, where: string): CheckedCube {
  const { cubeId, record, revisions } = parseAs(CubeLine, text, where)
  const checked = revisions.map((revision) => checkRevision(revision, where))
  checked.forEach(({ view, cid }, at) => {
    const before = checked[at - 1]
    const follows = before === undefined || (view.prev === before.cid && view.number === before.number + 1)
    if (view.cubeId !== cubeId || view.number !== revisions[at]?.number || !follows)
      throw invalidArchive(`${where} revision ${cid}`, 'the next revision of the same cube')
  })
  const current = checked.at(-1)?.view
  const signed = {
    title: current?.title ?? null,
    tags: current?.tags,
    semanticType: current?.semanticType,
    memoryType: current?.memoryType,
  }
  const { title, tags, semanticType, memoryType } = record
  if (canonicalJson(signed) !== canonicalJson({ title, tags, semanticType, memoryType }))
    throw invalidArchive(`${where} record`, 'title, tags and types of the current revision')
  return { line, cubeId, record, revisions: checked }
}

function checkRevision({ bytes: text, ...revision }: ArchiveRevision, where: string): CheckedRevision {
  try {
    const bytes = base64.baseDecode(text)
    return { ...revision, cid: revision.cid, bytes, view: verifyRevision(revision.cid, bytes) }
  } catch (cause) {
    const why = cause instanceof MemosError ? (cause.facts.expected ?? cause.message) : 'base64'
    throw invalidArchive(`${where} revision ${revision.cid}`, why, cause)
  }
}
