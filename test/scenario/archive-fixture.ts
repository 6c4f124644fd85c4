import { randomBytes } from 'node:crypto'
import type { z } from 'zod'
import { CreateCube } from '../../schemas/cube.ts'
import { REQUEST_MS_MAX } from '../../schemas/limits.ts'
import { SCOPES, type Scope, type UpdateMode as UpdateModeSchema } from '../../schemas/vocabulary.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { exactScanIndex } from '../../worker/drivers/vector-index/exact-scan-index.ts'
import { ArchiveService, type ImportFormat } from '../../worker/infrastructure/archive/archive-service.ts'
import type { ImportReport } from '../../worker/infrastructure/archive/import-report.ts'
import { OrganisationDirectory } from '../../worker/infrastructure/governance/organisation-directory.ts'
import { MemVault } from '../../worker/infrastructure/vault/mem-vault.ts'
import { NamespaceDirectory } from '../../worker/infrastructure/vault/namespace-directory.ts'
import { type VaultSession, vaultSessions } from '../../worker/infrastructure/vault/vault-session.ts'
import type { EmbeddingBuilder } from '../../worker/operation/embed/embedding-builder.ts'
import { labelsOf, redactSensitive, sensitivityOf } from '../../worker/operation/governance/sensitive.ts'
import { indexText } from '../../worker/operation/organise/draft-cube.ts'
import { MemoryWriter, storedCube } from '../../worker/operation/organise/memory-writer.ts'
import { placeText } from '../../worker/operation/organise/place-text.ts'
import { ANALYSER_VERSION } from '../../worker/operation/retrieval/analyse.ts'
import { featuresOf } from '../../worker/operation/retrieval/features.ts'
import { MemOperator } from '../../worker/operation/search/mem-operator.ts'
import type { Logger } from '../../worker/ports/logger.ts'
import type { RequestContext } from '../../worker/ports/request-context.ts'
import type { NamespaceRow } from '../../worker/ports/rows.ts'

type UpdateMode = z.infer<typeof UpdateModeSchema>

export const NOW_MS = Date.UTC(2026, 4, 1)

const silent: Logger = { info() {}, warn() {}, error() {} }
const SENSITIVE = { labelsOf, sensitivityOf, redactSensitive }
const embeddings = { plan: () => ({ taskId: null, writes: [] }), wake() {} }

/** One deployment on an in-memory database: real vault, blobs, writer and search. */
export async function openDeployment() {
  const { database, close } = await openLibsql('default', ':memory:')
  const blobs = new MemoryBlobStore()
  const runtime = {
    nowMs: () => NOW_MS,
    randomBytes: (length: number) => new Uint8Array(randomBytes(length)),
    defer() {},
  }
  const vault = new MemVault({ databases: new Map([['default', database]]) })
  const sessions = vaultSessions({
    vault,
    blobs,
    vectorIndex: exactScanIndex(),
    logger: silent,
    redact: redactSensitive,
  })
  const organisations = new OrganisationDirectory({ vault, runtime })
  const directory = new NamespaceDirectory(vault, runtime)
  const writer = new MemoryWriter({ blobs, runtime, encodeVector: () => new Uint8Array() })
  const operator = new MemOperator({ embedders: [], reranker: null, logger: silent })
  const organise = { analyserVersion: ANALYSER_VERSION, indexText, featuresOf, placeText, storedCube, ...SENSITIVE }
  const archives = new ArchiveService({ blobs, organise, embeddings })

  /** A place to keep memory: an organisation with one shared namespace. */
  async function place(
    name: string,
    init: { cubesMax?: number; orgId?: string; scopes?: readonly Scope[] } = {},
  ): Promise<Place> {
    const organisation = organisations.newRow({ name, database: 'default', cubesMax: init.cubesMax })
    if (init.orgId === undefined) await organisations.insert(organisation, [])
    const orgId = init.orgId ?? organisation.id
    const context = contextOf(orgId, init.scopes ?? SCOPES)
    const session = await sessions(context, 'write')
    const row = directory.newRow(context, { name, layer: 'shared', owner: null, settings: {} })
    await session.namespaces.insert(row)
    return new Place({ session, context, row, writer, operator, archives })
  }
  return { database, blobs, place, close }
}

const contextOf = (orgId: string, scopes: readonly Scope[]): RequestContext => ({
  principal: {
    keyId: `key-of-${orgId}`,
    orgId,
    scopes: new Set(scopes),
    subject: null,
    namespaces: null,
    clearance: scopes.includes('memory:secret') ? 'secret' : 'personal',
    purposes: null,
    tasks: null,
    purpose: null,
    task: null,
    atMs: NOW_MS,
    ratePerMinute: 1,
    expiresAtMs: null,
    root: false,
  },
  requestId: 'test',
  nowMs: NOW_MS,
  signal: AbortSignal.timeout(REQUEST_MS_MAX),
  operation: 'test',
  idempotencyKey: null,
})

interface PlaceParts {
  session: VaultSession
  context: RequestContext
  row: NamespaceRow
  writer: MemoryWriter
  operator: MemOperator
  archives: ArchiveService
}

/** A namespace and what can be done with it. */
export class Place {
  readonly session: VaultSession
  readonly context: RequestContext
  readonly row: NamespaceRow
  readonly #parts: PlaceParts

  constructor(parts: PlaceParts) {
    this.session = parts.session
    this.context = parts.context
    this.row = parts.row
    this.#parts = parts
  }

  get orgId(): string {
    return this.context.principal.orgId
  }

  /** Ids of the cubes. */
  remember(cubes: readonly z.input<typeof CreateCube>[]): Promise<string[]> {
    const inputs = cubes.map((cube) => CreateCube.parse(cube))
    return this.#parts.writer.create(this.session, this.row, inputs, this.context, [], (made) => ({
      status: 201,
      body: made.map((cube) => cube.record.cubeId),
    }))
  }

  async revise(cubeId: string, content: string, mode: UpdateMode = 'append'): Promise<void> {
    await this.#parts.writer.update(
      this.session,
      cubeId,
      { mode, content },
      this.context,
      embeddings as unknown as EmbeddingBuilder,
    )
  }

  async forget(cubeId: string): Promise<void> {
    await this.#parts.writer.remove(this.session, cubeId, this.context)
  }

  async found(query: string): Promise<string[]> {
    const request = { query, limit: 5, diversity: 0, rerank: false, includeArchived: false }
    const { found } = await this.#parts.operator.search(this.session, [this.row], request as never, this.context)
    return found.map(({ full }) => full.content ?? '')
  }

  async export(redact?: string): Promise<Uint8Array> {
    const stream = this.#parts.archives.export(this.session, this.row, { redact }, this.context)
    return new Uint8Array(await new Response(stream).arrayBuffer())
  }

  import(bytes: Uint8Array | ReadableStream<Uint8Array>, format: ImportFormat = 'memos'): Promise<ImportReport> {
    const stream = bytes instanceof Uint8Array ? streamOf(bytes) : bytes
    return this.#parts.archives.import(this.session, this.row, stream, format, this.context)
  }

  /** Everything that is kept of every cube, without what the place itself adds. */
  async contents() {
    const cubes = await this.session.cubes.walk(this.row.id, 10_000, 0)
    return Promise.all(
      cubes.map(async ({ cube, content, session }) => {
        const { namespaceId: _, seq: __, sessionId: ___, ...record } = cube
        const rows = await this.session.cubes.revisions(cube.cubeId, 1000, null)
        const revisions = rows.map(({ number, cid, mode, createdAtMs }) => ({ number, cid, mode, createdAtMs }))
        return { record, content, session, revisions }
      }),
    )
  }
}

/** Bytes in pieces of an odd size, so that no reader can rely on where they are cut. */
export function streamOf(bytes: Uint8Array, size = 4093): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close()
      controller.enqueue(bytes.slice(at, at + size))
      at += size
    },
  })
}
