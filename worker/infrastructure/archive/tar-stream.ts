import { createTarDecoder, createTarPacker } from 'modern-tar'
import { MemosError } from '../../../schemas/errors.ts'
import { invalidArchive } from './archive-format.ts'

/** One file of an archive. */
export interface TarFile {
  name: string
  bytes: Uint8Array
}

/** One file of an archive that is being read. `read` or `skip` it before the next one. */
export interface TarEntry {
  name: string
  size: number
  read(): Promise<Uint8Array>
  skip(): Promise<void>
}

/** A ustar archive of files as they come. Times and owners are fixed, so the bytes depend on names and contents alone. */
export function packFiles(files: AsyncGenerator<TarFile>): ReadableStream<Uint8Array> {
  const { readable, controller } = createTarPacker()
  const pack = async () => {
    for await (const { name, bytes } of files) {
      const writer = controller.add({ name, size: bytes.length, type: 'file', mtime: new Date(0) }).getWriter()
      if (bytes.length > 0) await writer.write(bytes)
      await writer.close()
    }
    controller.finalize()
  }
  // The reader of the stream gets the error; after a cancelled read there is nobody left to tell.
  pack().catch((error: unknown) => controller.error(error))
  return readable as ReadableStream<Uint8Array>
}

/**
 * The files of an archive, one at a time. Folders are passed over.
 * @throws MemosError invalid_archive when the bytes are no tar archive, or end in the middle
 */
export async function* readFiles(stream: ReadableStream<Uint8Array>): AsyncGenerator<TarEntry> {
  const reader = stream.pipeThrough(createTarDecoder({ strict: true })).getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(refuse)
      if (done) return
      const { header, body } = value
      if (header.type === 'directory') await body.cancel()
      else if (header.type !== 'file' && header.type !== undefined) throw invalidArchive(header.name, 'a plain file')
      else
        yield {
          name: header.name,
          size: header.size,
          read: () => readWhole(body, header.size),
          skip: () => body.cancel(),
        }
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

/** The caller has checked that `size` bytes may be held. */
async function readWhole(body: ReadableStream<Uint8Array>, size: number): Promise<Uint8Array> {
  const whole = new Uint8Array(size)
  const reader = body.getReader()
  let at = 0
  for (;;) {
    const { done, value } = await reader.read().catch(refuse)
    if (done) break
    whole.set(value, at)
    at += value.length
  }
  if (at !== size) throw invalidArchive('body', 'a whole tar archive')
  return whole
}

function refuse(cause: unknown): never {
  throw cause instanceof MemosError ? cause : invalidArchive('body', 'a whole tar archive', cause)
}
