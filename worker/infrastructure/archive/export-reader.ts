import { base64 } from 'multiformats/bases/base64'
import type { Cid } from '../../../schemas/cid.ts'
import { ARCHIVE_ENTRY_BYTES_MAX } from '../../../schemas/limits.ts'
import type { Revision } from '../../../schemas/revision.ts'
import { blobKey } from '../../ports/blob-keys.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import { recordOf } from '../../ports/cube-record.ts'
import type { NamespaceRow, RevisionRow } from '../../ports/rows.ts'
import type { FullCube } from '../vault/cube-reader.ts'
import { blobCidsOf } from '../vault/text-blob.ts'
import type { VaultSession } from '../vault/vault-session.ts'
import type { ArchiveRevision, CubeLine } from './archive-format.ts'
import type { Organise } from './organise.ts'
import { type Redaction, redactCube } from './redaction.ts'

/** Cubes that are read at a time: with the longest texts they take a few MiB. */
const PAGE_CUBES = 32
/** Older revisions of one cube that are read at a time. */
const PAGE_REVISIONS = 50

/** A cube as it goes out, and where its blobs come from. */
export interface ExportedCube {
  line: CubeLine
  /** Size of the current text where it is a blob, bytes. */
  textBytes: number
  blobs: { cid: Cid; load(): Promise<Uint8Array | null> }[]
}

export interface ExportReaderComponents {
  blobs: BlobStore
  organise: Pick<Organise, 'placeText'>
}

/** Walks over a namespace in the order of arrival, with the permissions of the session. */
export class ExportReader {
  readonly #components: ExportReaderComponents
  readonly #session: VaultSession
  readonly #orgId: string
  readonly #redaction: Redaction | null

  constructor(components: ExportReaderComponents, session: VaultSession, redaction: Redaction | null) {
    this.#components = components
    this.#session = session
    this.#orgId = session.vault.organisation.id
    this.#redaction = redaction
  }

  async *cubes({ id }: NamespaceRow): AsyncGenerator<ExportedCube> {
    const { cubes } = this.#session
    for (let after = 0; ; ) {
      const page = await cubes.walk(id, PAGE_CUBES, after)
      const rows = await cubes.revisionsAt(page.map(({ cube }) => cube))
      const current = new Map(rows.map((row) => [row.cubeId, row]))
      for (const full of page) {
        const row = current.get(full.cube.cubeId)
        const exported = row === undefined ? null : await this.#export(full, row)
        if (exported !== null) yield exported
      }
      const last = page.at(-1)
      if (last === undefined) return
      after = last.cube.seq
    }
  }

  #export(full: FullCube, row: RevisionRow): Promise<ExportedCube | null> | ExportedCube | null {
    return this.#redaction === null ? this.#whole(full, row) : this.#redacted(full, row, this.#redaction)
  }

  async #whole(full: FullCube, row: RevisionRow): Promise<ExportedCube> {
    const rows = [...(await this.#history(row)), row]
    const views = rows.map((one) => this.#session.cubes.decode(one))
    const blobs = [...new Set(views.flatMap(blobCidsOf))].map((cid) => this.#stored(full.cube.cubeId, cid))
    const line = { cubeId: full.cube.cubeId, record: recordOf(full), revisions: rows.map(toArchive) }
    return { line, textBytes: textBytesOf(full.revision), blobs }
  }

  /** Older revisions may hold what the redaction names, so only the current one goes out. */
  #redacted(full: FullCube, row: RevisionRow, redaction: Redaction): ExportedCube | null {
    const { cube, revision, content } = full
    const source = { cubeId: cube.cubeId, cid: cube.cid, revision, content, record: recordOf(full) }
    const copy = redactCube(source, redaction, this.#components.organise)
    if (copy === null) return null
    const { cubeId, record, fresh, redacted } = copy
    const marks = redacted.length === 0 ? {} : { redacted }
    if (fresh === null) {
      const blobs = blobCidsOf(revision).map((cid) => this.#stored(cube.cubeId, cid))
      return {
        line: { cubeId, record, revisions: [toArchive(row)], ...marks },
        textBytes: textBytesOf(revision),
        blobs,
      }
    }
    const revisions = [
      {
        number: 1,
        cid: fresh.cid,
        bytes: base64.baseEncode(fresh.bytes),
        mode: 'create' as const,
        createdAtMs: row.createdAtMs,
      },
    ]
    const blobs = blobCidsOf(fresh.view).map((cid) =>
      cid === fresh.blob?.cid
        ? { cid, load: () => Promise.resolve(fresh.blob?.bytes ?? null) }
        : this.#stored(cube.cubeId, cid),
    )
    return {
      line: { cubeId, record, revisions: revisions as ArchiveRevision[], ...marks },
      textBytes: textBytesOf(fresh.view),
      blobs,
    }
  }

  /** Revisions before the current one, oldest first; the oldest are left out where a cube's line would get too long to be imported. */
  async #history(current: RevisionRow): Promise<RevisionRow[]> {
    const found: RevisionRow[] = []
    let room = ARCHIVE_ENTRY_BYTES_MAX - lineBytes(current)
    for (let before = current.number; before > 1; ) {
      const rows = await this.#session.cubes.revisions(current.cubeId, PAGE_REVISIONS, before)
      for (const row of rows) {
        room -= lineBytes(row)
        if (room < 0) return found.reverse()
        found.push(row)
      }
      before = rows.at(-1)?.number ?? 1
    }
    return found.reverse()
  }

  #stored(cubeId: string, cid: Cid) {
    return { cid, load: () => this.#components.blobs.get(blobKey(this.#orgId, cubeId, cid)) }
  }
}

/** What a revision takes in its line: base64 and the fields around it. */
const lineBytes = ({ bytes }: RevisionRow): number => Math.ceil(bytes.length / 3) * 4 + 256

const toArchive = ({ number, cid, bytes, mode, createdAtMs }: RevisionRow): ArchiveRevision => ({
  number,
  cid: cid as ArchiveRevision['cid'],
  bytes: base64.baseEncode(bytes),
  mode,
  createdAtMs,
})

const textBytesOf = ({ renditions }: Revision): number => {
  const text = renditions.find((one) => one.kind === 'text')
  return text?.blob?.bytes ?? 0
}
