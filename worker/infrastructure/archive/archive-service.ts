import { auditOf } from '../../ports/audit.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { VaultSession } from '../vault/vault-session.ts'
import { exportFiles } from './archive-export.ts'
import { importArchiveStream } from './archive-reader.ts'
import { type ForeignFormat, readForeign } from './foreign-file.ts'
import { importForeign } from './foreign-import.ts'
import type { EmbeddingPlanner } from './import-batches.ts'
import type { ImportReport } from './import-report.ts'
import type { Organise } from './organise.ts'
import { parseRedaction } from './redaction.ts'
import { packFiles } from './tar-stream.ts'

export interface ArchiveComponents {
  blobs: BlobStore
  /** Functions of the operation layer (draft-cube.ts, features.ts, place-text.ts, memory-writer.ts). */
  organise: Organise
  /** The EmbeddingBuilder. */
  embeddings: EmbeddingPlanner
}

export type ImportFormat = 'memos' | ForeignFormat

/** MemLoader and MemDumper (MemOS paper, section 5.5): a namespace as one archive, and back. docs/portability.md is the format. */
export class ArchiveService {
  readonly #components: ArchiveComponents

  constructor(components: ArchiveComponents) {
    this.#components = components
  }

  /**
   * A namespace as a tar archive that is made while it is read. `redact` names what is blanked: `speaker`, `title`, `content`,
   * `metadata.KEY`, `patterns`, with commas between.
   * @throws MemosError invalid_request naming `redact`
   */
  export(
    session: VaultSession,
    namespace: NamespaceRow,
    { redact, mark }: { redact?: string | undefined; mark?: ((text: string) => string) | null },
    context: RequestContext,
  ): ReadableStream<Uint8Array> {
    const redaction = parseRedaction(redact, this.#components.organise.redactSensitive, mark)
    return packFiles(exportFiles(this.#components, session, namespace, redaction, context))
  }

  /**
   * Takes an archive into a namespace that the caller may write to. Doing so again changes nothing; after an interruption it continues.
   * @throws MemosError invalid_archive naming entry and line, payload_too_large, quota_exceeded, deadline_exceeded, storage_full
   */
  async import(
    session: VaultSession,
    namespace: NamespaceRow,
    stream: ReadableStream<Uint8Array>,
    format: ImportFormat,
    context: RequestContext,
  ): Promise<ImportReport> {
    const report: ImportReport = { created: 0, updated: 0, unchanged: 0, skipped: [] }
    const target = { session, namespace, context, embeddings: this.#components.embeddings }
    if (format === 'memos') await importArchiveStream(this.#components, target, stream, report)
    else await importForeign(this.#components, target, await readForeign(stream, format), report)
    if (report.created + report.updated === 0) await session.vault.apply([auditOf(context, namespace.id, [])])
    return report
  }
}
