/**
 * Goal: whoever serves a large blob holds no more of it than the part that goes out.
 * Method: a blob store that notes what is read, 64 MiB under the address of a published text, and readers over libp2p and HTTP.
 */
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { cidOf } from '../../protocol/core/cid.ts'
import { portableEd25519 } from '../../protocol/core/ed25519-rule.ts'
import { MIP_BLOB_FRAME_BYTES_MAX, MIP_BLOB_RANGE_BYTES_MAX } from '../../schemas/limits-mip.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { PeerKeySigner } from '../../worker/drivers/signer/peer-key-signer.ts'
import { newTenant } from '../support/edge.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { connect, memoryNode } from '../support/mip-nodes.ts'
import { initOrganisation } from '../support/mip-root.ts'

const SIZE = 64 * 1024 * 1024
const TEXT = 'The harbour master keeps a long log of every ship. '.repeat(1000)
const cid = cidOf(new TextEncoder().encode(TEXT), 'raw')
const { signal } = new AbortController()

class NotedBlobStore extends MemoryBlobStore {
  whole = 0
  readonly parts: number[] = []

  override get(key: string) {
    this.whole += 1
    return super.get(key)
  }

  override async slice(key: string, offset: number, length: number) {
    const part = await super.slice(key, offset, length)
    if (part !== null) this.parts.push(part.bytes.length)
    return part
  }
}

let blobs: NotedBlobStore
let edge: LocalEdge
const byteAt = (at: number) => (at * 31 + (at >> 16)) & 0xff

/** What is served does not depend on what the text was: its blob is made large behind the back of the edge. */
beforeEach(async () => {
  blobs = new NotedBlobStore()
  const opened = await openLibsql('default', ':memory:')
  const signer = new PeerKeySigner(new Uint8Array(32).fill(7), portableEd25519)
  edge = await openLocalEdge({ databases: new Map([['default', opened.database]]), blobs, mip: { signer } })
  onTestFinished(async () => {
    await edge.close()
    await opened.close()
  })
  const { admin } = await newTenant(edge)
  await initOrganisation(admin, { now: () => edge.clock.nowMs })
  const { cubeId } = await admin.ok('createCube', { body: { content: TEXT } })
  await admin.ok('publishMemories', { body: { cubeIds: [cubeId] } as never })
  const [key = ''] = (await blobs.list('cubes/')).filter((one) => one.endsWith(cid))
  const large = new Uint8Array(SIZE)
  for (let at = 0; at < SIZE; at++) large[at] = byteAt(at)
  await blobs.put(key, large)
  blobs.parts.length = 0
  blobs.whole = 0
})

const isRight = (bytes: Uint8Array, offset: number) => bytes.every((byte, at) => byte === byteAt(offset + at))

it('reads for a stream one frame at a time, and each byte once', async () => {
  const [client, server] = await Promise.all([memoryNode(), memoryNode({ source: edge.components.edge.mipSource })])
  await connect(client, server)
  const remote = client.remote(server.peerId)
  for (let offset = 0; offset < SIZE; offset += MIP_BLOB_RANGE_BYTES_MAX) {
    const part = await remote.blobChunk(cid, { offset, length: MIP_BLOB_RANGE_BYTES_MAX }, { signal })
    expect(part?.size).toBe(SIZE)
    expect(part && isRight(part.bytes, offset)).toBe(true)
  }
  expect(blobs.whole).toBe(0)
  expect(Math.max(...blobs.parts)).toBeLessThanOrEqual(MIP_BLOB_FRAME_BYTES_MAX)
  expect(blobs.parts.reduce((sum, one) => sum + one, 0)).toBe(SIZE)
})

it('reads for HTTP the range that is asked for and no more, whatever way it is asked for', async () => {
  const get = (headers: Record<string, string>) => edge.fetch(`/mip/v1/blob/${cid}`, { headers })
  const asked = async (headers: Record<string, string>, offset: number, length: number) => {
    blobs.parts.length = 0
    const answer = await get(headers)
    const bytes = new Uint8Array(await answer.arrayBuffer())
    expect([answer.status, bytes.length, isRight(bytes, offset)]).toEqual([206, length, true])
    expect(answer.headers.get('content-range')).toBe(`bytes ${offset}-${offset + length - 1}/${SIZE}`)
    // One byte more where the size has to be learnt first.
    expect(blobs.parts.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(length + 1)
  }
  await asked({ range: 'bytes=1000-1999' }, 1000, 1000)
  await asked({ range: `bytes=${SIZE - 10}-` }, SIZE - 10, 10)
  await asked({ range: 'bytes=-77' }, SIZE - 77, 77)
  await asked({ range: `bytes=-${2 * MIP_BLOB_RANGE_BYTES_MAX}` }, SIZE - 2 * MIP_BLOB_RANGE_BYTES_MAX, 4_194_304)
  await asked({}, 0, MIP_BLOB_RANGE_BYTES_MAX)
  blobs.parts.length = 0
  expect((await get({ range: `bytes=${SIZE}-` })).status).toBe(416)
  expect((await get({ 'if-none-match': `"${cid}"` })).status).toBe(304)
  expect(blobs.parts.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(1)
  expect(blobs.whole).toBe(0)
})
