import { z } from 'zod'
import { Grants } from '../../../schemas/administration.ts'
import { Sha256Hex } from '../../../schemas/blob-ref.ts'
import { ObjectCid } from '../../../schemas/cid.ts'
import { Metadata, Name } from '../../../schemas/common.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { LifecycleState } from '../../../schemas/lifecycle.ts'
import { CubeId } from '../../../schemas/revision.ts'
import { TimestampMs } from '../../../schemas/timestamp.ts'
import {
  Layer,
  MemoryType,
  OriginKind,
  Priority,
  REVISION_MODES,
  Role,
  Sensitivity,
} from '../../../schemas/vocabulary.ts'

/** Names of the entries of an archive, in the order in which they come. docs/portability.md describes the format. */
export const MANIFEST = 'manifest.json'
export const GRANTS = 'grants.json'
export const CHECKSUMS = 'checksums.json'
export const partName = (part: number): string => `cubes-${String(part).padStart(6, '0')}.jsonl`
export const blobName = (cid: string): string => `blobs/${cid}`
export const PART_NAME = /^cubes-\d{6,}\.jsonl$/
export const BLOB_NAME = /^blobs\/(baf[a-z2-7]{56})$/

const FORMAT = 'memos-archive'
const VERSION = 1

const Owner = z.strictObject({ kind: z.enum(['user', 'agent']), id: z.string() })

/** What the archive is and where it came from. The namespace's facts are for people: an import goes where its caller says. */
export const Manifest = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  namespace: z.strictObject({
    name: z.string(),
    layer: Layer,
    owner: Owner.nullable(),
    settings: z.record(z.string(), z.unknown()),
    createdAtMs: TimestampMs,
  }),
  redact: z.array(z.string()),
})
export type Manifest = z.infer<typeof Manifest>
export const MANIFEST_HEAD = { format: FORMAT, version: VERSION } as const

/** Local record of a cube. `title`, `tags`, `semanticType` and `memoryType` repeat the current revision, so that the line can be read without it. */
export const ArchiveRecord = z.strictObject({
  state: LifecycleState,
  memoryType: MemoryType,
  semanticType: z.string(),
  title: z.string().nullable(),
  tags: z.array(z.string()),
  session: Name.nullable(),
  position: z.int().nonnegative().nullable(),
  speaker: Name.nullable(),
  role: Role.nullable(),
  saidAtMs: TimestampMs,
  createdAtMs: TimestampMs,
  updatedAtMs: TimestampMs,
  expiresAtMs: TimestampMs.nullable(),
  priority: Priority,
  sensitivity: Sensitivity,
  originKind: OriginKind,
  originRef: z.string().max(512).nullable(),
  provenanceId: CubeId,
  metadata: Metadata,
})
export type ArchiveRecord = z.infer<typeof ArchiveRecord>

export const ArchiveRevision = z.strictObject({
  number: z.int().positive(),
  cid: ObjectCid,
  /** Canonical MIP-CBOR in base64. */
  bytes: z.string(),
  mode: z.enum(REVISION_MODES),
  createdAtMs: TimestampMs,
})
export type ArchiveRevision = z.infer<typeof ArchiveRevision>

/** One cube: its record and its revisions, oldest first. */
export const CubeLine = z.strictObject({
  cubeId: CubeId,
  record: ArchiveRecord,
  revisions: z.array(ArchiveRevision).min(1),
  /** Names of what was blanked; absent when nothing was. */
  redacted: z.array(z.string()).optional(),
})
export type CubeLine = z.infer<typeof CubeLine>

/** Last line of a part: the digest of everything before it, so that a part is checked before it is applied. */
export const EndLine = z.strictObject({ part: z.int().positive(), cubes: z.int().positive(), sha256: Sha256Hex })
export type EndLine = z.infer<typeof EndLine>

/** Last entry: digests of all entries but the blobs (their names are theirs) and itself. */
export const Checksums = z.strictObject({
  cubes: z.int().nonnegative(),
  parts: z.int().nonnegative(),
  sha256: z.record(z.string(), Sha256Hex),
})
export type Checksums = z.infer<typeof Checksums>

export const ArchiveGrants = Grants

export const invalidArchive = (field: string, expected: string, cause?: unknown): MemosError =>
  new MemosError('invalid_archive', { field, expected }, { cause })

const fromUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Bytes as UTF-8. @throws MemosError invalid_archive naming `where` */
export function textOf(bytes: Uint8Array, where: string): string {
  try {
    return fromUtf8.decode(bytes)
  } catch (cause) {
    throw invalidArchive(where, 'UTF-8', cause)
  }
}

/** JSON of a known shape. @throws MemosError invalid_archive naming `where` and the field */
export function parseAs<T>(schema: z.ZodType<T>, text: string, where: string): T {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw invalidArchive(where, 'JSON', cause)
  }
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw invalidArchive([where, ...(issue?.path ?? []).map(String)].join(' '), issue?.message ?? 'another shape')
}
