import { encode as encodeDagCbor } from '@ipld/dag-cbor'
import { varint } from 'multiformats'
import { CID } from 'multiformats/cid'
import type { Cid } from '../../schemas/cid.ts'
import { LOG_ARCHIVE_BLOCK_BYTES_MAX } from '../../schemas/limits-mip.ts'
import { bytesOfCid, cidOf, cidOfLink, expectBytes, linkOf, matchesCid } from './cid.ts'
import { LogArchiveError } from './log-archive-error.ts'
import { decodeMipCbor, encodeMipCbor, type MipValue } from './mip-cbor.ts'

/*
 * A signed log as one file: CAR version 1 (https://ipld.io/specs/transport/car/carv1), so that any IPLD tool can walk it. In this order:
 * - the root: `{v: 1, type: 'mip/log-archive', org, log, head}`; `head` is the CID of the last entry, so a cut file is noticed;
 * - for each entry a frame `{v: 1, entry, sig, objects}`, then as many blocks as `objects` says (what the entry needs and what came with
 *   it), then the entry itself. What an entry names stands in front of it, so it can be applied as it is read.
 */
const TYPE = 'mip/log-archive'
const SIGNATURE_BYTES = 64

export interface LogArchiveHeader {
  org: string
  log: string
  /** The last entry. */
  head: Cid
}

/** Bytes under their address: an object, or the bytes of a blob or one of its chunks. */
export interface ArchivedBlock {
  cid: Cid
  bytes: Uint8Array
}

/** One entry with its signature and the blocks that travel with it. */
export interface ArchivedEntry {
  wire: readonly [bytes: Uint8Array, signature: Uint8Array]
  objects: readonly ArchivedBlock[]
}

/** What reading an archive gives, in order: the header, then for each entry its objects and the entry. */
export type LogArchiveItem =
  | ({ kind: 'header' } & LogArchiveHeader)
  | ({ kind: 'object' } & ArchivedBlock)
  | { kind: 'entry'; cid: Cid; wire: readonly [bytes: Uint8Array, signature: Uint8Array] }

/**
 * The bytes of an archive, piece by piece; what is kept at a time is one entry with its objects.
 * @throws LogArchiveError `hash` for an object that its CID does not name, `block` for one above 4 MiB, `truncated` when the last entry is
 * not the head.
 */
export async function* writeLogArchive(
  header: LogArchiveHeader,
  entries: Iterable<ArchivedEntry> | AsyncIterable<ArchivedEntry>,
): AsyncGenerator<Uint8Array> {
  const root = encodeMipCbor({ v: 1, type: TYPE, org: header.org, log: header.log, head: linkOf(header.head) })
  yield* section(encodeDagCbor({ version: 1, roots: [linkOf(cidOf(root, 'object'))] }))
  yield* block(cidOf(root, 'object'), root)
  let last: Cid | null = null
  for await (const { wire, objects } of entries) {
    last = cidOf(wire[0], 'object')
    const sig = expectBytes(wire[1], SIGNATURE_BYTES, 'signature')
    const frame = encodeMipCbor({ v: 1, entry: linkOf(last), sig, objects: objects.length })
    yield* block(cidOf(frame, 'object'), frame)
    for (const object of objects) {
      if (!matchesCid(object.cid, object.bytes)) throw new LogArchiveError('hash')
      yield* block(object.cid, object.bytes)
    }
    yield* block(last, wire[0])
  }
  if (last !== header.head) throw new LogArchiveError('truncated')
}

function* block(cid: Cid, bytes: Uint8Array): Generator<Uint8Array> {
  if (bytes.length > LOG_ARCHIVE_BLOCK_BYTES_MAX) throw new LogArchiveError('block')
  yield* section(bytesOfCid(cid), bytes)
}

/** A section of a CAR file: the length of its parts together as varint, and the parts. */
function* section(...parts: Uint8Array[]): Generator<Uint8Array> {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  yield varint.encodeTo(length, new Uint8Array(varint.encodingLength(length)))
  yield* parts
}

/** Reads what follows the root of an archive, block by block. `push` gives the item that a block makes, if any. */
export class LogArchiveParser {
  readonly #root: Cid
  #head: Cid | null = null
  #last: Cid | null = null
  #frame: { entry: Cid; sig: Uint8Array; objects: number } | null = null

  constructor(root: Cid) {
    this.#root = root
  }

  /** Takes the next block; its bytes are what `cid` names. @throws LogArchiveError */
  push({ cid, bytes }: ArchivedBlock): LogArchiveItem | null {
    if (this.#head === null) return this.#open(cid, bytes)
    if (this.#frame === null) return this.#begin(bytes)
    if (this.#frame.objects > 0) {
      this.#frame.objects -= 1
      return { kind: 'object', cid, bytes }
    }
    const { entry, sig } = this.#frame
    if (cid !== entry) throw new LogArchiveError('frame')
    this.#frame = null
    this.#last = cid
    return { kind: 'entry', cid, wire: [bytes, sig] }
  }

  /** To be called at the end of the file. @throws LogArchiveError `truncated` */
  end(): void {
    if (this.#head === null || this.#frame !== null || this.#last !== this.#head) throw new LogArchiveError('truncated')
  }

  #open(cid: Cid, bytes: Uint8Array): LogArchiveItem {
    const { v, type, org, log, head } = fieldsOf(bytes, 'header')
    const headCid = linkedCid(head)
    const isHeader =
      cid === this.#root && v === 1 && type === TYPE && typeof org === 'string' && typeof log === 'string'
    if (!isHeader || !headCid) throw new LogArchiveError('header')
    this.#head = headCid
    return { kind: 'header', org, log, head: headCid }
  }

  #begin(bytes: Uint8Array): null {
    const { v, entry, sig, objects } = fieldsOf(bytes, 'frame')
    const cid = linkedCid(entry)
    const isSignature = sig instanceof Uint8Array && sig.length === SIGNATURE_BYTES
    if (v !== 1 || !cid || !isSignature || typeof objects !== 'number' || objects < 0)
      throw new LogArchiveError('frame')
    // Nothing may follow the head: it is the last entry.
    if (this.#last === this.#head) throw new LogArchiveError('frame')
    this.#frame = { entry: cid, sig, objects }
    return null
  }
}

function fieldsOf(bytes: Uint8Array, reason: 'header' | 'frame'): { [key: string]: MipValue } {
  try {
    const value = decodeMipCbor(bytes)
    if (typeof value === 'object' && value !== null) return { ...value } as { [key: string]: MipValue }
  } catch (cause) {
    throw new LogArchiveError(reason, { cause })
  }
  throw new LogArchiveError(reason)
}

function linkedCid(value: MipValue | undefined): Cid | null {
  const link = CID.asCID(value)
  return link && cidOfLink(link)
}
