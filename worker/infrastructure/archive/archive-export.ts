import { ARCHIVE_BATCH_ITEMS_MAX } from '../../../schemas/limits.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { VaultSession } from '../vault/vault-session.ts'
import {
  blobName,
  CHECKSUMS,
  type Checksums,
  GRANTS,
  MANIFEST,
  MANIFEST_HEAD,
  type Manifest,
  partName,
} from './archive-format.ts'
import { sealPart, sha256Hex } from './archive-part.ts'
import { canonicalJson } from './canonical-json.ts'
import { type ExportedCube, ExportReader, type ExportReaderComponents } from './export-reader.ts'
import type { Redaction } from './redaction.ts'
import type { TarFile } from './tar-stream.ts'

/** A part is closed once lines and current texts have this size; with the longest cube line it stays below ARCHIVE_PART_BYTES_MAX. */
const PART_BYTES_TARGET = 1024 * 1024

const utf8 = new TextEncoder()
const json = (value: unknown): Uint8Array => utf8.encode(`${canonicalJson(value)}\n`)

/** The files of an archive, in order. At most one part is held at a time. */
export async function* exportFiles(
  components: ExportReaderComponents,
  session: VaultSession,
  namespace: NamespaceRow,
  redaction: Redaction | null,
  { principal }: RequestContext,
): AsyncGenerator<TarFile> {
  const sums: Checksums = { cubes: 0, parts: 0, sha256: {} }
  const summed = (name: string, bytes: Uint8Array): TarFile => {
    sums.sha256[name] = sha256Hex(bytes)
    return { name, bytes }
  }
  yield summed(MANIFEST, json(manifestOf(namespace, redaction)))
  for await (const part of partsOf(new ExportReader(components, session, redaction).cubes(namespace))) {
    sums.parts += 1
    sums.cubes += part.lines.length
    yield summed(partName(sums.parts), sealPart(sums.parts, part.lines))
    yield* blobFiles(part.cubes)
  }
  // Who may use a namespace is for its administrators to know.
  if (principal.scopes.has('namespace:admin'))
    yield summed(GRANTS, json({ grants: await session.namespaces.grants(namespace.id) }))
  yield { name: CHECKSUMS, bytes: json(sums) }
}

interface Part {
  cubes: Omit<ExportedCube, 'line'>[]
  lines: string[]
  bytes: number
}

async function* partsOf(cubes: AsyncGenerator<ExportedCube>): AsyncGenerator<Part> {
  let part: Part = { cubes: [], lines: [], bytes: 0 }
  for await (const { line, ...cube } of cubes) {
    const text = canonicalJson(line)
    part.lines.push(text)
    part.cubes.push(cube)
    part.bytes += text.length + cube.textBytes
    if (part.lines.length < ARCHIVE_BATCH_ITEMS_MAX && part.bytes < PART_BYTES_TARGET) continue
    yield part
    part = { cubes: [], lines: [], bytes: 0 }
  }
  if (part.lines.length > 0) yield part
}

/** Blobs that the cubes of a part name, each once. A payload that was never uploaded is left out; the text of a cube never is. */
async function* blobFiles(cubes: Part['cubes']): AsyncGenerator<TarFile> {
  const done = new Set<string>()
  for (const { cid, load } of cubes.flatMap((cube) => cube.blobs)) {
    const bytes = done.has(cid) ? null : await load()
    if (bytes === null) continue
    done.add(cid)
    yield { name: blobName(cid), bytes }
  }
}

const manifestOf = (
  { name, layer, ownerKind, ownerId, settings, createdAtMs }: NamespaceRow,
  redaction: Redaction | null,
): Manifest => ({
  ...MANIFEST_HEAD,
  namespace: {
    name,
    layer,
    owner: ownerKind === null || ownerId === null ? null : { kind: ownerKind, id: ownerId },
    settings,
    createdAtMs,
  },
  redact: [...(redaction?.names ?? [])],
})
