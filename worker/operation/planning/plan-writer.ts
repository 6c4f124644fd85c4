import type { Cid } from '../../../schemas/cid.ts'
import { CreateCube } from '../../../schemas/cube.ts'
import { MemosError } from '../../../schemas/errors.ts'
import type { RememberRequest, RememberResponse } from '../../../schemas/memories.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import { GuardError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { NewCube, StoredCube, VaultWrite } from '../../ports/vault-write.ts'
import type { EmbeddingBuilder } from '../embed/embedding-builder.ts'
import { type Draft, type DraftContext, draftCube } from '../organise/draft-cube.ts'
import { applyWithBlobs, erasable, finish, type MemoryWriter, storedCube } from '../organise/memory-writer.ts'
import { outdated, reviseCube } from '../organise/revise-cube.ts'
import { messagesOf, type Planned, type PlannedOperation, planView } from './memory-planner.ts'

export interface PlanWriterComponents {
  blobs: BlobStore
  runtime: Runtime
  writer: MemoryWriter
  embeddings: EmbeddingBuilder
}

interface Batch {
  drafts: Draft[]
  /** Next revisions of stored cubes. */
  revised: Draft[]
  updates: VaultWrite[]
  erased: StoredCube[]
  applied: Set<PlannedOperation>
}

/** Carries a plan out: everything in one atomic batch, or nothing. */
export class PlanWriter {
  readonly #components: PlanWriterComponents

  constructor(components: PlanWriterComponents) {
    this.#components = components
  }

  /** @throws MemosError revision_conflict (a memory changed since it was planned), quota_exceeded, forbidden */
  async apply(
    session: VaultSession,
    planned: Planned,
    request: RememberRequest,
    context: RequestContext,
  ): Promise<RememberResponse> {
    const { blobs, embeddings, writer } = this.#components
    const { namespace } = planned
    await writer.expectMayWrite(session, namespace.id, request, context)
    const batch = await this.#batchOf(session, planned, request, context)
    const made = batch.drafts.map(({ cube }) => cube)
    const changed = batch.revised.map(({ cube }) => cube)
    const needsVectors =
      made.length > 0 || batch.updates.some((write) => write.kind === 'update_cube' && write.textChanged)
    const plan = needsVectors ? embeddings.plan(namespace, context) : { taskId: null, writes: [] }
    const answer: RememberResponse = {
      cubes: [...made, ...changed].map((cube) => receiptOf(namespace.name, cube)),
      taskId: plan.taskId,
      plan: planView(planned, batch.applied),
    }
    const writes = [...writesOf(session, namespace, batch, context), ...plan.writes, ...finish(context, 201, answer)]
    if (writes.length === 0) return answer
    await applyWithBlobs(blobs, session.vault, batch.drafts.concat(batch.revised), context, writes).catch(
      async (error: unknown) => {
        throw error instanceof GuardError ? await refusal(session, namespace, made.length, error) : error
      },
    )
    embeddings.wake(namespace, plan)
    await this.#forget(session, batch.erased, context)
    return answer
  }

  async #batchOf(
    session: VaultSession,
    { operations }: Planned,
    request: RememberRequest,
    context: RequestContext,
  ): Promise<Batch> {
    const draft: DraftContext = {
      nowMs: context.nowMs,
      randomBytes: this.#components.runtime.randomBytes,
      author: context.principal.keyId,
    }
    const batch: Batch = { drafts: [], revised: [], updates: [], erased: [], applied: new Set() }
    for (const operation of operations) {
      if (operation.op === 'skip' || (operation.op === 'forget' && !request.confirm)) continue
      batch.applied.add(operation)
      if (operation.op === 'forget') await erase(session, operation, batch)
      else if (operation.op === 'update')
        revise(operation, { mode: 'overwrite', content: operation.content ?? '' }, draft, batch)
      else add(operation, request, draft, batch)
    }
    return batch
  }

  async #forget(session: VaultSession, erased: readonly StoredCube[], { principal }: RequestContext): Promise<void> {
    const [first] = erased
    if (first === undefined) return
    // The rows are gone, so nothing can read the blobs any more; a crash here leaves bytes that the blob sweep removes.
    await this.#components.blobs.delete(erased.flatMap(({ blobs }) => blobs))
    const seqs = erased.map(({ seq }) => seq)
    await this.#components.embeddings.forget(session, principal.orgId, first.namespaceId, seqs)
  }
}

function add(operation: PlannedOperation, request: RememberRequest, draft: DraftContext, batch: Batch): void {
  batch.drafts.push(draftCube(inputOf(operation, request), draft))
  const { op, target, candidate } = operation
  if (op !== 'supersede' || target === null) return
  const { validFromMs } = target.full.cube
  // What began only later ends right after its beginning: an end must lie behind it.
  const end = validFromMs !== null && validFromMs >= candidate.saidAtMs ? validFromMs + 1 : candidate.saidAtMs
  revise(operation, { mode: 'overwrite', validTo: end }, draft, batch)
}

function revise(
  { target }: PlannedOperation,
  update: Parameters<typeof reviseCube>[1],
  draft: DraftContext,
  batch: Batch,
): void {
  if (target === null) throw new TypeError('"target" expected the memory that is changed')
  const revised = reviseCube(target.full, { ...update, expectedRevision: target.full.cube.revision }, draft)
  batch.revised.push(revised)
  batch.updates.push({
    kind: 'update_cube',
    stored: storedCube(target.full, []),
    cube: revised.cube,
    textChanged: revised.textChanged,
  })
}

async function erase({ cubes }: VaultSession, { target }: PlannedOperation, batch: Batch): Promise<void> {
  if (target === null) throw new TypeError('"target" expected the memory that is forgotten')
  const found = await cubes.toErase(target.full.cube.cubeId)
  if (found.cube.revision !== target.full.cube.revision) throw outdated()
  batch.erased.push(erasable(found, await cubes.blobKeys(target.full.cube.cubeId)))
}

/** The new cube of an operation: what its message and the request say of it, and where it comes from. */
function inputOf(
  { candidate, content, semanticType, op, target, validToMs }: PlannedOperation,
  request: RememberRequest,
): CreateCube {
  const message = messagesOf(request)[candidate.message]
  const parent = target?.full.cube.cid
  const parsed = CreateCube.safeParse({
    content: content ?? '',
    semanticType: semanticType ?? 'fact',
    tags: request.tags,
    metadata: { ...request.metadata, ...message?.metadata },
    session: request.session,
    speaker: message?.speaker,
    role: request.messages === undefined ? undefined : message?.role,
    saidAt: candidate.saidAtMs,
    ...(validToMs === undefined ? {} : { validTo: validToMs }),
    expiresAt: request.expiresAt,
    priority: request.priority,
    sensitivity: request.sensitivity,
    origin: { kind: message?.role === 'assistant' ? 'inference' : 'user_input' },
    ...(parent !== undefined && (op === 'supersede' || op === 'link')
      ? { lineage: [{ cid: parent as Cid, relation: 'derived' }] }
      : {}),
  })
  if (parsed.success) return parsed.data
  throw new MemosError('invalid_request', {
    field: `messages.${candidate.message}.content`,
    expected: parsed.error.issues[0]?.message ?? 'text that can be a memory',
  })
}

function writesOf(
  { vault }: VaultSession,
  { id: namespaceId, nextSeq, nextChange }: NamespaceRow,
  batch: Batch,
  context: RequestContext,
): VaultWrite[] {
  const { cubesMax } = vault.organisation
  const made = batch.drafts.map(({ cube }) => cube)
  const touched = [
    ...[...made, ...batch.revised.map(({ cube }) => cube)].map(({ record }) => record.cubeId),
    ...batch.erased.map(({ cubeId }) => cubeId),
  ]
  if (touched.length === 0) return []
  return [
    { kind: 'expect_unchanged', namespaceId, nextSeq, nextChange },
    ...(cubesMax === null || made.length === 0
      ? []
      : [{ kind: 'expect_quota' as const, cubes: made.length, cubesMax }]),
    ...batch.updates,
    ...(batch.erased.length === 0
      ? []
      : [{ kind: 'delete_cubes' as const, cubes: batch.erased, atMs: context.nowMs, reason: 'deleted' as const }]),
    ...(made.length === 0 ? [] : [{ kind: 'insert_cubes' as const, namespaceId, cubes: made }]),
    auditOf(context, namespaceId, touched),
  ]
}

/** A batch expects that the namespace is as it was read, and room for what is new. Where nothing was written meanwhile, there was no room. */
async function refusal(
  { vault, namespaces }: VaultSession,
  { name, nextSeq, nextChange }: NamespaceRow,
  made: number,
  cause: GuardError,
): Promise<MemosError> {
  const { cubesMax } = vault.organisation
  const now = await namespaces.byName(name, 'write')
  const isUnchanged = now !== null && now.nextSeq === nextSeq && now.nextChange === nextChange
  if (!isUnchanged || made === 0 || cubesMax === null) return outdated()
  return new MemosError('quota_exceeded', { detail: `The organisation may hold ${cubesMax} cubes.` }, { cause })
}

const receiptOf = (namespace: string, { record }: NewCube) => ({
  cubeId: record.cubeId,
  revision: record.revision,
  cid: record.cid,
  namespace,
})
