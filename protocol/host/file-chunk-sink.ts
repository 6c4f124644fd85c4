import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Cid } from '../../schemas/cid.ts'
import { MemosError } from '../../schemas/errors.ts'
import { MIP_BLOB_FLUSH_CHUNKS } from '../../schemas/limits-mip.ts'
import { addChunk, type Bitfield, bitfieldBytes, bitfieldFor, countChunks } from '../core/bitfield.ts'
import { bytesOfCid, CID_BYTES } from '../core/cid.ts'
import { type BlobShape, chunkCount } from '../core/manifest.ts'
import type { ChunkSink } from './chunk-sink.ts'

export interface FileChunkSinkInit extends BlobShape {
  /** Name of the finished file. Beside it `.part` holds chunks and `.have` says which of them are durable. */
  path: string
  /** The manifest: chunks of another one are not taken for its own. */
  cid: Cid
}

const OPEN_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW

/**
 * A sink on disk that survives the end of its process anywhere. A chunk counts as there once its bytes were synced, so the bitfield never
 * says more than the disk holds: data first, then the bitfield. A torn write of the bitfield mixes two states that were both true.
 */
export class FileChunkSink implements ChunkSink {
  readonly #init: FileChunkSinkInit
  readonly #have: Bitfield
  #part: FileHandle | null = null
  #record: FileHandle | null = null
  #unsynced = 0
  #flushing: Promise<void> = Promise.resolve()
  #syncFailure: { cause: unknown } | null = null

  constructor(init: FileChunkSinkInit) {
    this.#init = init
    this.#have = bitfieldFor(chunkCount(init))
  }

  /** @throws MemosError `storage_full` when the disk has less room than what is missing. */
  async reserve(size: number): Promise<void> {
    await mkdir(dirname(this.#init.path), { recursive: true })
    this.#part = await open(`${this.#init.path}.part`, OPEN_FLAGS, 0o600)
    this.#record = await open(`${this.#init.path}.have`, OPEN_FLAGS, 0o600)
    await this.#recall(size)
    const missing = size - Math.min(size, countChunks(this.#have) * this.#init.chunk)
    const { bavail, bsize } = await statfs(dirname(this.#init.path))
    if (bavail * bsize < missing) throw new MemosError('storage_full')
    await this.#part.truncate(size)
  }

  async bitfield(): Promise<Bitfield> {
    return this.#have.slice()
  }

  async write(index: number, bytes: Uint8Array): Promise<void> {
    await writeAll(opened(this.#part), bytes, index * this.#init.chunk)
    addChunk(this.#have, index)
    this.#unsynced += 1
    if (this.#unsynced >= MIP_BLOB_FLUSH_CHUNKS) await this.flush()
  }

  flush(): Promise<void> {
    const next = this.#flushing.then(() => this.#sync())
    // Linux reports a failed write-back once: a second sync would succeed without the data, so nothing counts as durable after the first.
    this.#flushing = next.catch((cause: unknown) => {
      this.#syncFailure ??= { cause }
    })
    return next
  }

  async complete(): Promise<void> {
    if (countChunks(this.#have) !== chunkCount(this.#init)) throw new RangeError('"sink" expected every chunk')
    await this.flush()
    const { path } = this.#init
    await this.close()
    await rename(`${path}.part`, path)
    await syncDirectory(dirname(path))
    await rm(`${path}.have`, { force: true })
  }

  async close(): Promise<void> {
    await this.#flushing
    const handles = [this.#part, this.#record]
    this.#part = null
    this.#record = null
    for (const handle of handles) await handle?.close()
  }

  /** Takes over what an earlier run left, if it was of the same manifest and its file is whole. */
  async #recall(size: number): Promise<void> {
    const bytes = new Uint8Array(CID_BYTES + this.#have.length)
    const { bytesRead } = await opened(this.#record).read(bytes, 0, bytes.length, 0)
    const { size: partBytes } = await opened(this.#part).stat()
    const cid = bytesOfCid(this.#init.cid)
    const isOurs = bytesRead === bytes.length && cid.every((byte, i) => bytes[i] === byte)
    if (isOurs && partBytes === size) this.#have.set(bitfieldFor(chunkCount(this.#init), bytes.subarray(CID_BYTES)))
    else await this.#startOver()
  }

  async #startOver(): Promise<void> {
    const record = opened(this.#record)
    await record.truncate(0)
    await opened(this.#part).truncate(0)
    const bytes = new Uint8Array(CID_BYTES + bitfieldBytes(chunkCount(this.#init)))
    bytes.set(bytesOfCid(this.#init.cid))
    await writeAll(record, bytes, 0)
    await record.sync()
    await syncDirectory(dirname(this.#init.path))
  }

  async #sync(): Promise<void> {
    if (this.#syncFailure) throw this.#syncFailure.cause
    if (this.#unsynced === 0) return
    const record = opened(this.#record)
    // Chunks that are written while the disk works are in the next bitfield, not in this one.
    const have = this.#have.slice()
    const synced = this.#unsynced
    await opened(this.#part).datasync()
    await writeAll(record, have, CID_BYTES)
    await record.datasync()
    this.#unsynced -= synced
  }
}

function opened(handle: FileHandle | null): FileHandle {
  if (!handle) throw new RangeError('"sink" expected reserve() first')
  return handle
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, position + at)
    at += bytesWritten
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
