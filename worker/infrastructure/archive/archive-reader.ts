import type { Grant } from '../../../schemas/administration.ts'
import { Cid } from '../../../schemas/cid.ts'
import { ARCHIVE_PART_BYTES_MAX } from '../../../schemas/limits.ts'
import {
  ArchiveGrants,
  BLOB_NAME,
  CHECKSUMS,
  Checksums,
  GRANTS,
  invalidArchive,
  MANIFEST,
  Manifest,
  PART_NAME,
  parseAs,
  partName,
  textOf,
} from './archive-format.ts'
import { PartImport, type PartImportComponents } from './archive-import.ts'
import { sha256Hex } from './archive-part.ts'
import { canonicalJson } from './canonical-json.ts'
import type { ImportTarget } from './import-batches.ts'
import type { ImportReport } from './import-report.ts'
import { readFiles, type TarEntry } from './tar-stream.ts'

/**
 * Takes in a MemOS archive as it streams by. Each part is checked and written before the next one is read, so an interrupted import has
 * whole parts only, and the same archive continues it.
 * @throws MemosError invalid_archive naming entry and line
 */
export async function importArchiveStream(
  components: PartImportComponents,
  target: ImportTarget,
  stream: ReadableStream<Uint8Array>,
  report: ImportReport,
): Promise<void> {
  const parts = new PartImport(components, target, report)
  try {
    const grants = await readEntries(stream, parts)
    await applyGrants(target, grants, report)
  } catch (error) {
    // Bytes that no row names harm nobody; the error that led here is the one to tell.
    await parts.abandon().catch(() => undefined)
    throw error
  }
}

/** Answers the grants of the archive, once its last entry has vouched for all others. */
async function readEntries(stream: ReadableStream<Uint8Array>, parts: PartImport): Promise<readonly Grant[]> {
  const sums: Record<string, string> = {}
  let grants: readonly Grant[] = []
  let isComplete = false
  for await (const entry of readFiles(stream)) {
    if (isComplete) throw invalidArchive(entry.name, `nothing behind ${CHECKSUMS}`)
    const isFirst = Object.keys(sums).length === 0
    if (isFirst !== (entry.name === MANIFEST)) throw invalidArchive(entry.name, `${MANIFEST} as the first entry, once`)
    const blob = BLOB_NAME.exec(entry.name)?.[1]
    if (blob !== undefined) {
      await parts.blob(entry, cidOf(entry.name, blob))
      continue
    }
    // All blobs of the part before have come: it is written before anything else is held.
    await parts.finish()
    const bytes = await readBounded(entry)
    if (entry.name === CHECKSUMS) {
      checkSums(bytes, { cubes: parts.cubes, parts: parts.parts, sha256: sums })
      isComplete = true
      continue
    }
    sums[entry.name] = sha256Hex(bytes)
    if (entry.name === MANIFEST) parseAs(Manifest, textOf(bytes, MANIFEST), MANIFEST)
    else if (entry.name === GRANTS) grants = parseAs(ArchiveGrants, textOf(bytes, GRANTS), GRANTS).grants
    else if (PART_NAME.test(entry.name)) await beginPart(parts, entry.name, bytes)
    else throw invalidArchive(entry.name, 'an entry of a MemOS archive')
  }
  if (!isComplete) throw invalidArchive(CHECKSUMS, 'to be the last entry: the archive is not whole')
  return grants
}

function cidOf(name: string, text: string): Cid {
  const cid = Cid.safeParse(text)
  if (!cid.success) throw invalidArchive(name, 'a content address as its name')
  return cid.data
}

async function readBounded(entry: TarEntry): Promise<Uint8Array> {
  if (entry.size > ARCHIVE_PART_BYTES_MAX) throw invalidArchive(entry.name, `at most ${ARCHIVE_PART_BYTES_MAX} bytes`)
  return entry.read()
}

function beginPart(parts: PartImport, name: string, bytes: Uint8Array): Promise<void> {
  const expected = partName(parts.parts + 1)
  if (name !== expected) throw invalidArchive(name, `${expected} in this place`)
  return parts.begin(name, bytes)
}

function checkSums(bytes: Uint8Array, found: Checksums): void {
  const told = parseAs(Checksums, textOf(bytes, CHECKSUMS), CHECKSUMS)
  if (canonicalJson(told) !== canonicalJson(found))
    throw invalidArchive(CHECKSUMS, 'the checksums and counts of the entries before it')
}

/** Adds the grants of the archive to those of the namespace. Only its administrators may, and a private namespace has none. */
async function applyGrants(
  { session, namespace, context }: ImportTarget,
  grants: readonly Grant[],
  report: ImportReport,
): Promise<void> {
  if (grants.length === 0) return
  const names = await session.permissions.administeredIds([namespace.name])
  if (names.size === 0 || !context.principal.scopes.has('namespace:admin')) {
    report.skipped.push({ line: 0, reason: 'grants_not_permitted' })
    return
  }
  const there = await session.namespaces.grants(namespace.id)
  await session.vault.apply([await session.permissions.replaceGrants(namespace, [...there, ...grants])])
}
