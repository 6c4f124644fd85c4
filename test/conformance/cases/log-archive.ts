import { encode as encodeDagCbor } from '@ipld/dag-cbor'
import { bytesToHex, concatBytes } from '@noble/hashes/utils.js'
import { varint } from 'multiformats'
import { bytesOfCid, cidOf, linkOf } from '../../../protocol/core/cid.ts'
import { type ArchivedEntry, type LogArchiveHeader, writeLogArchive } from '../../../protocol/core/log-archive.ts'
import type { LogArchiveReason } from '../../../protocol/core/log-archive-error.ts'
import { encodeMipCbor } from '../../../protocol/core/mip-cbor.ts'
import { LogWriter, person } from '../../support/mip-log.ts'

const ROOT = person(9)
const NEXT = person(10)
const OBJECT = encodeMipCbor({ v: 1, text: 'a body' })
const BLOB = new Uint8Array(300).fill(5)

/** Archives of a log, and what reading each gives. */
export async function archiveVectors() {
  const writer = new LogWriter(ROOT.did)
  await writer.add(ROOT, { op: 'org.genesis', sum: { next: NEXT.hash } })
  await writer.add(ROOT, { op: 'cube.publish', body: cidOf(OBJECT, 'object'), sum: { topics: ['org.memos.notes'] } })
  await writer.add(ROOT, { op: 'cube.publish', body: cidOf(OBJECT, 'object'), sum: {} })
  const objects = [
    { cid: cidOf(OBJECT, 'object'), bytes: OBJECT },
    { cid: cidOf(BLOB, 'raw'), bytes: BLOB },
  ]
  const entries: ArchivedEntry[] = writer.entries.map(({ bytes, signature }, i) => ({
    wire: [bytes, signature],
    objects: i === 1 ? objects : [],
  }))
  const header = { org: ROOT.did, log: 'main', head: writer.entries.at(-1)!.cid }
  const good = await sectionsOf(header, entries)
  const one = await sectionsOf({ ...header, head: writer.entries[0]!.cid }, entries.slice(0, 1))
  const cids = (count: number) => writer.entries.slice(0, count).map(({ cid }) => cid)
  const valid = (title: string, sections: Uint8Array[], count: number, blocks: string[]) => ({
    ...{ title, valid: true, hex: bytesToHex(concatBytes(...sections)), org: header.org, log: header.log },
    ...{ entries: cids(count), objects: blocks },
  })
  return [
    valid(
      'three entries, with an object and a blob',
      good,
      3,
      objects.map(({ cid }) => cid),
    ),
    valid('one entry', one, 1, []),
    ...damaged(good, objects[0]!).map(([title, reason, sections]) => ({
      ...{ title, valid: false, reason, hex: bytesToHex(concatBytes(...sections)) },
    })),
  ]
}

/** Sections of `good`: the header, the root, a frame and entry 0, a frame, two objects and entry 1, a frame and entry 2. */
function damaged(
  good: Uint8Array[],
  object: { bytes: Uint8Array },
): [title: string, reason: LogArchiveReason, sections: Uint8Array[]][] {
  const moved = good.slice()
  ;[moved[2], moved[3]] = [good[3]!, good[2]!]
  const foreign = block(cidOf(object.bytes, 'object'), object.bytes)
  const header = (value: object) => section(encodeDagCbor(value))
  const root = rootBytes(good[1]!)
  const rootCid = linkOf(cidOf(root, 'object'))
  const otherRoot = linkOf(cidOf(object.bytes, 'object'))
  const flipped = good[5]!.slice()
  flipped[flipped.length - 1]! ^= 1
  return [
    ['no bytes', 'malformed', []],
    ['no CAR', 'malformed', [Uint8Array.of(1, 0xff)]],
    ['a CAR of version 2', 'malformed', [header({ version: 2, roots: [rootCid] }), ...good.slice(1)]],
    ['no root', 'header', [header({ version: 1, roots: [] }), ...good.slice(1)]],
    ['two roots', 'header', [header({ version: 1, roots: [rootCid, otherRoot] }), ...good.slice(1)]],
    ['another root than the first block', 'header', [header({ version: 1, roots: [otherRoot] }), ...good.slice(1)]],
    ['a root that is no archive', 'header', [header({ version: 1, roots: [otherRoot] }), foreign, ...good.slice(2)]],
    ['cut after the root', 'truncated', good.slice(0, 2)],
    ['cut between two entries', 'truncated', good.slice(0, 4)],
    ['cut after a frame', 'truncated', good.slice(0, 3)],
    ['cut within a block', 'malformed', [...good.slice(0, 3), good[3]!.subarray(0, 60)]],
    ['a foreign block between two entries', 'frame', [...good.slice(0, 4), foreign, ...good.slice(4)]],
    ['a foreign block after the head', 'frame', [...good, foreign]],
    ['another frame after the head', 'frame', [...good, good[2]!, good[3]!]],
    ['an entry in front of its frame', 'frame', moved],
    ['an object too few', 'frame', good.toSpliced(5, 1)],
    ['an object that is not what its address names', 'hash', good.with(5, flipped)],
    ['a block under an address that MIP does not know', 'block', [...good.slice(0, 4), unknownBlock(root)]],
    [
      'a block above 4 MiB',
      'block',
      [...good.slice(0, 4), varintOf(4 * 1024 * 1024 + 37), bytesOfCid(cidOf(root, 'raw'))],
    ],
  ]
}

async function sectionsOf(header: LogArchiveHeader, entries: readonly ArchivedEntry[]): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = []
  for await (const part of writeLogArchive(header, entries)) parts.push(part)
  // A length and an object; then lengths, addresses and bytes.
  const sections = [concatBytes(parts[0]!, parts[1]!)]
  for (let at = 2; at < parts.length; at += 3) sections.push(concatBytes(...parts.slice(at, at + 3)))
  return sections
}

const CID_BYTES = 36
const varintOf = (value: number) => varint.encodeTo(value, new Uint8Array(varint.encodingLength(value)))
const section = (...parts: Uint8Array[]) => {
  const whole = concatBytes(...parts)
  return concatBytes(varintOf(whole.length), whole)
}
const block = (cid: ReturnType<typeof cidOf>, bytes: Uint8Array) => section(bytesOfCid(cid), bytes)
const rootBytes = (rootSection: Uint8Array) =>
  rootSection.subarray(varint.encodingLength(rootSection.length - varint.decode(rootSection)[1]) + CID_BYTES)

/** Under the codec of protobuf (0x70). */
function unknownBlock(bytes: Uint8Array): Uint8Array {
  const address = bytesOfCid(cidOf(bytes, 'object')).slice()
  address[1] = 0x70
  return section(address, bytes)
}
