import { CarReader } from '@ipld/car/reader'
import { encode } from '@ipld/dag-cbor'
import { varint } from 'multiformats'
import { describe, expect, it } from 'vitest'
import { LOG_ARCHIVE_BLOCK_BYTES_MAX } from '../../schemas/limits-mip.ts'
import { seededRandom, startSeed } from '../../test/conformance/seeded-random.ts'
import { bytesOfCid, cidOf, linkOf } from './cid.ts'
import { type ArchivedEntry, type LogArchiveItem, writeLogArchive } from './log-archive.ts'
import { LogArchiveError } from './log-archive-error.ts'
import { readLogArchive } from './log-archive-reader.ts'
import { encodeMipCbor } from './mip-cbor.ts'

const ENTRIES: ArchivedEntry[] = Array.from({ length: 5 }, (_, seq) => {
  const objects = Array.from({ length: seq % 3 }, (_, i) => {
    const bytes = encodeMipCbor({ body: seq, part: i })
    return { cid: cidOf(bytes, 'object'), bytes }
  })
  const blob = new Uint8Array(seq * 1000).fill(seq)
  if (seq > 2) objects.push({ cid: cidOf(blob, 'raw'), bytes: blob })
  return { wire: [encodeMipCbor({ seq, op: 'cube.publish' }), new Uint8Array(64).fill(seq)], objects }
})
const HEAD = cidOf(ENTRIES.at(-1)!.wire[0], 'object')
const HEADER = { org: 'did:key:z6MkTest', log: 'main', head: HEAD }

async function written(entries: readonly ArchivedEntry[] = ENTRIES, header = HEADER): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of writeLogArchive(header, entries)) parts.push(part)
  return joined(parts)
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

async function* inPieces(bytes: Uint8Array, size: () => number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + size())
    yield bytes.slice(at, end)
    at = end
  }
}

async function items(source: AsyncIterable<Uint8Array>): Promise<LogArchiveItem[]> {
  const found: LogArchiveItem[] = []
  for await (const item of readLogArchive(source)) found.push(item)
  return found
}
const itemsOf = (bytes: Uint8Array) => items(inPieces(bytes, () => 1000))
const reasonOf = (bytes: Uint8Array) =>
  itemsOf(bytes).then(
    () => 'accepted',
    (error: unknown) => (error instanceof LogArchiveError ? error.reason : Promise.reject(error)),
  )

const EXPECTED: LogArchiveItem[] = [
  { kind: 'header', ...HEADER },
  ...ENTRIES.flatMap(({ wire, objects }): LogArchiveItem[] => [
    ...objects.map((object) => ({ kind: 'object' as const, ...object })),
    { kind: 'entry', cid: cidOf(wire[0], 'object'), wire },
  ]),
]

const section = (...parts: Uint8Array[]) => {
  const body = joined(parts)
  return joined([varint.encodeTo(body.length, new Uint8Array(varint.encodingLength(body.length))), body])
}
const carHeader = (version: number, roots: string[]) =>
  section(encode({ version, roots: roots.map((cid) => linkOf(cid as typeof HEAD)) }))
const blockOf = (bytes: Uint8Array) => section(bytesOfCid(cidOf(bytes, 'object')), bytes)
const car = (blocks: Uint8Array[]) => joined([carHeader(1, [cidOf(blocks[0]!, 'object')]), ...blocks.map(blockOf)])

describe('a log archive', () => {
  const seed = startSeed()

  it(`gives back what was written, however the file comes in pieces (SEED=${seed})`, async () => {
    const random = seededRandom(seed)
    const bytes = await written()
    for (const most of [1, 2, 7, 100, 5000, bytes.length])
      expect(await items(inPieces(bytes, () => 1 + random(most))), `SEED=${seed} most ${most}`).toEqual(EXPECTED)
  })

  it('is a CAR file whose blocks another reader finds and whose root leads to the last entry', async () => {
    const reader = await CarReader.fromBytes(await written())
    expect(reader.version).toBe(1)
    const [root] = await reader.getRoots()
    expect(await reader.get(root!)).toBeDefined()
    expect((await reader.get(linkOf(HEAD)))?.bytes).toEqual(ENTRIES.at(-1)!.wire[0])
    for (const { wire, objects } of ENTRIES) {
      expect((await reader.get(linkOf(cidOf(wire[0], 'object'))))?.bytes).toEqual(wire[0])
      for (const object of objects) expect((await reader.get(linkOf(object.cid)))?.bytes).toEqual(object.bytes)
    }
  })

  it('is never read as a whole when any one bit of it is flipped', async () => {
    const bytes = await written(ENTRIES.slice(0, 2), { ...HEADER, head: cidOf(ENTRIES[1]!.wire[0], 'object') })
    const whole = await itemsOf(bytes)
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice()
      damaged[at]! ^= 1 << (at & 7)
      expect(await reasonOf(damaged), `byte ${at}`).not.toBe('accepted')
    }
    expect(whole).toHaveLength(4)
  })

  it('is noticed when it is cut, wherever', async () => {
    const bytes = await written(ENTRIES.slice(0, 3), { ...HEADER, head: cidOf(ENTRIES[2]!.wire[0], 'object') })
    for (let length = 0; length < bytes.length; length++)
      expect(['malformed', 'truncated', 'header'], `${length} bytes`).toContain(
        await reasonOf(bytes.subarray(0, length)),
      )
  })

  const root = encodeMipCbor({ v: 1, type: 'mip/log-archive', org: 'o', log: 'main', head: linkOf(HEAD) })
  const last = ENTRIES.at(-1)!.wire[0]
  const frame = encodeMipCbor({ v: 1, entry: linkOf(HEAD), sig: new Uint8Array(64), objects: 0 })
  it.each([
    ['CAR version 2', joined([carHeader(2, [])]), 'malformed'],
    ['no root', joined([carHeader(1, []), blockOf(root)]), 'header'],
    ['a first block that is not the root', joined([carHeader(1, [HEAD]), blockOf(root)]), 'header'],
    ['a root of another type', car([encodeMipCbor({ v: 1, type: 'x' })]), 'header'],
    ['no entries', car([root]), 'truncated'],
    ['another entry than its frame names', car([root, frame, root]), 'frame'],
    ['an entry without a frame', car([root, last]), 'frame'],
    ['something behind the head', car([root, frame, last, frame, last]), 'frame'],
    [
      'a signature that is too short',
      car([root, encodeMipCbor({ v: 1, entry: linkOf(HEAD), sig: new Uint8Array(63), objects: 0 })]),
      'frame',
    ],
    [
      'a negative number of objects',
      car([root, encodeMipCbor({ v: 1, entry: linkOf(HEAD), sig: new Uint8Array(64), objects: -1 })]),
      'frame',
    ],
    ['a block that is shorter than its CID', joined([car([root]), Uint8Array.of(1), bytesOfCid(HEAD)]), 'block'],
    ['a section of no bytes', joined([car([root]), Uint8Array.of(0)]), 'malformed'],
  ])('is refused with %s', async (_, bytes, reason) => expect(await reasonOf(bytes)).toBe(reason))

  it('reads no further than a block when a length lies, for the header and for a block', async () => {
    const lie = varint.encodeTo(2 ** 40, new Uint8Array(varint.encodingLength(2 ** 40)))
    for (const start of [lie, joined([car([root]), lie, bytesOfCid(HEAD)])]) {
      let served = 0
      async function* endless() {
        yield start
        for (;;) {
          served += 1
          yield new Uint8Array(65_536)
        }
      }
      await expect(items(endless())).rejects.toMatchObject({ reason: 'block' })
      expect(served).toBeLessThanOrEqual(2)
    }
  })

  it('refuses to write what it would refuse to read', async () => {
    const cid = cidOf(Uint8Array.of(1), 'raw')
    const large = new Uint8Array(LOG_ARCHIVE_BLOCK_BYTES_MAX + 1)
    const [first] = ENTRIES
    const withObject = (object: { cid: typeof cid; bytes: Uint8Array }) => [{ ...first!, objects: [object] }]
    await expect(written(withObject({ cid, bytes: Uint8Array.of(2) }))).rejects.toMatchObject({ reason: 'hash' })
    await expect(written(withObject({ cid: cidOf(large, 'raw'), bytes: large }))).rejects.toMatchObject({
      reason: 'block',
    })
    await expect(written(ENTRIES.slice(0, 2))).rejects.toMatchObject({ reason: 'truncated' })
  })

  it('lets the failure of its source through, and closes it when nobody reads on', async () => {
    const bytes = await written()
    async function* breaks() {
      yield bytes.subarray(0, 500)
      throw new Error('stick pulled out')
    }
    await expect(items(breaks())).rejects.toThrow('stick pulled out')
    let isClosed = false
    async function* watched() {
      try {
        yield* inPieces(bytes, () => 100)
      } finally {
        isClosed = true
      }
    }
    for await (const _ of readLogArchive(watched())) break
    expect(isClosed).toBe(true)
  })

  it('asks its source for a piece only when the one before is used up, however long the log is', async () => {
    const blob = new Uint8Array(1024 * 1024)
    const wire = ENTRIES[0]!.wire
    const after = ENTRIES[1]!.wire
    let made = 0
    async function* long() {
      for (; made < 50; made++) yield { wire, objects: [{ cid: cidOf(blob, 'raw'), bytes: blob }] }
      yield { wire: after, objects: [] }
    }
    let read = 0
    const archive = writeLogArchive({ ...HEADER, head: cidOf(after[0], 'object') }, long())
    for await (const item of readLogArchive(archive)) {
      if (item.kind === 'entry') read += 1
      expect(made - read).toBeLessThanOrEqual(1)
    }
    expect(read).toBe(51)
  })
})
