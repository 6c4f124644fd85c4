import type { CreateCube, UpdateCube } from '../../../schemas/cube.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { isAbove, type Sensitivity } from '../../../schemas/vocabulary.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { OrgVault } from '../../infrastructure/vault/mem-vault.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import { blobKey } from '../../ports/blob-keys.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import { GuardError, UniqueError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { NewCube, StoredCube, VaultWrite } from '../../ports/vault-write.ts'
import type { EmbeddingBuilder } from '../embed/embedding-builder.ts'
import { ANALYSER_VERSION } from '../retrieval/analyse.ts'
import { callerVectors, type GivenVector } from './caller-vectors.ts'
import { type Draft, type DraftContext, draftCube, indexText } from './draft-cube.ts'
import { outdated, reviseCube } from './revise-cube.ts'

export interface MemoryWriterComponents {
  blobs: BlobStore
  runtime: Runtime
  encodeVector: (vector: Float32Array) => Uint8Array
}

/** What a field of the cube at a place of the list is called in the request: the name that errors use. */
export type NameOf = (at: number, field: string) => string

/** Answer of a write, made before it is applied so that an idempotent retry gets the very same. */
export type Respond<T> = (cubes: readonly NewCube[]) => { status: number; body: T }

/** Times that an update is decided anew because the state of its cube changed meanwhile. */
const UPDATE_ATTEMPTS_MAX = 3

/** Writes memory: drafts revisions, stores blobs first, then applies one batch. */
export class MemoryWriter {
  readonly #blobs: BlobStore
  readonly #runtime: Runtime
  readonly #encodeVector: (vector: Float32Array) => Uint8Array

  constructor({ blobs, runtime, encodeVector }: MemoryWriterComponents) {
    this.#blobs = blobs
    this.#encodeVector = encodeVector
    this.#runtime = runtime
  }

  /** Creates cubes in one namespace, all or none. */
  async create<T>(
    { vault, vectors, cubes: stored }: VaultSession,
    namespace: NamespaceRow,
    inputs: readonly CreateCube[],
    context: RequestContext,
    further: readonly VaultWrite[],
    respond: Respond<T>,
    nameOf: NameOf = (_, field) => field,
  ): Promise<T> {
    await this.#expectOpen(stored, namespace.id, inputs, context)
    const drafts = inputs.map((input, at) => this.#draft(input, context, (field) => nameOf(at, field)))
    const cubes = drafts.map((draft) => draft.cube)
    const { status, body } = respond(cubes)
    const { cubesMax } = vault.organisation
    const given = await this.#givenVectors(vectors, namespace, inputs, cubes, nameOf)
    await applyWithBlobs(this.#blobs, vault, drafts, context, [
      ...(cubesMax === null ? [] : [{ kind: 'expect_quota' as const, cubes: cubes.length, cubesMax }]),
      { kind: 'insert_cubes', namespaceId: namespace.id, cubes },
      ...this.#vectorWrites(namespace.id, given, context.nowMs),
      ...further,
      ...finish(context, status, body),
      auditOf(
        context,
        namespace.id,
        cubes.map((cube) => cube.record.cubeId),
        cubes.map((cube) => cube.record.memoryType),
      ),
    ]).catch(async (error: unknown) => {
      // The batch expects two things: vectors as long as the model's others, which is told by looking again, and room for the cubes.
      if (error instanceof GuardError) await this.#givenVectors(vectors, namespace, inputs, cubes, nameOf)
      throw error instanceof GuardError && cubesMax !== null
        ? new MemosError('quota_exceeded', { detail: `The organisation may hold ${cubesMax} cubes.` }, { cause: error })
        : error
    })
    return body
  }

  /** Whether the caller may make memories so sensitive in a namespace. @throws MemosError forbidden */
  async expectMayWrite(
    { cubes }: Pick<VaultSession, 'cubes'>,
    namespaceId: number,
    written: { sensitivity?: Sensitivity | undefined },
    context: RequestContext,
  ): Promise<void> {
    this.#expectReadable(written, context)
    await this.#expectOpen(cubes, namespaceId, [written], context)
  }

  /** @throws MemosError forbidden: whoever may not read cubes so sensitive does not make any either */
  #expectReadable({ sensitivity }: { sensitivity?: Sensitivity | undefined }, { principal }: RequestContext): void {
    if (sensitivity !== undefined && isAbove(sensitivity, principal.clearance))
      throw new MemosError('forbidden', {
        field: 'sensitivity',
        expected: sensitivity === 'secret' ? 'none or personal: the key lacks memory:secret' : 'none, as the key reads',
      })
  }

  /**
   * The same for a bound key in a namespace that was opened to it to write for less than it may read there or elsewhere: it would make what it
   * may not touch, and is not even answered with. @throws MemosError forbidden
   */
  async #expectOpen(
    cubes: VaultSession['cubes'],
    namespaceId: number,
    written: readonly { sensitivity?: Sensitivity | undefined }[],
    { principal }: RequestContext,
  ): Promise<void> {
    if (principal.subject === null) return
    const most = (['secret', 'personal'] as const).find((one) => written.some(({ sensitivity }) => sensitivity === one))
    if (most === undefined || (await cubes.mayWrite(namespaceId, most))) return
    throw new MemosError('forbidden', { field: 'sensitivity', expected: 'what the key may write in this namespace' })
  }

  /** Makes the next revision of a cube. Of two writers that race, one wins and the other gets revision_conflict. */
  async update(
    session: VaultSession,
    cubeId: string,
    update: UpdateCube,
    context: RequestContext,
    embeddings: EmbeddingBuilder,
  ): Promise<FullCube> {
    this.#expectReadable(update, context)
    for (let attempt = 1; ; attempt++) {
      const stored = await session.cubes.get(cubeId, 'write')
      try {
        return await this.#revise(session, stored, update, context, embeddings)
      } catch (error) {
        if (!(error instanceof GuardError)) throw error
        // A use may have changed the state since the cube was read: that is nobody's other revision.
        const { cube } = await session.cubes.get(cubeId, 'write')
        if (cube.revision !== stored.cube.revision || attempt === UPDATE_ATTEMPTS_MAX) throw outdated()
      }
    }
  }

  async #revise(
    { vault, cubes }: VaultSession,
    stored: FullCube,
    update: UpdateCube,
    context: RequestContext,
    embeddings: EmbeddingBuilder,
  ): Promise<FullCube> {
    const { cubeId, namespaceId, memoryType } = stored.cube
    await this.#expectOpen(cubes, namespaceId, [update], context)
    const draft = reviseCube(stored, update, this.#draftContext(context))
    const plan = draft.textChanged ? embeddings.plan({ id: namespaceId }, context) : { taskId: null, writes: [] }
    await applyWithBlobs(this.#blobs, vault, [draft], context, [
      ...plan.writes,
      ...mergeOf(stored, draft.cube.record.state, context),
      { kind: 'update_cube', stored: storedCube(stored, []), cube: draft.cube, textChanged: draft.textChanged },
      auditOf(context, namespaceId, [cubeId], [memoryType]),
    ])
    embeddings.wake({ id: namespaceId }, plan)
    return cubes.known(cubeId, 'write')
  }

  /** Deletes a cube from rows, index, vectors and blobs; a tombstone without content stays. */
  async remove({ vault, cubes }: VaultSession, cubeId: string, context: RequestContext): Promise<StoredCube> {
    const found = await cubes.toErase(cubeId)
    if (found.cube.state === 'frozen') throw new MemosError('cube_frozen')
    const cube = erasable(found, await cubes.blobKeys(cubeId))
    await vault
      .apply([
        { kind: 'delete_cubes', cubes: [cube], atMs: context.nowMs, reason: 'deleted' },
        auditOf(context, cube.namespaceId, [cubeId], [found.cube.memoryType]),
      ])
      .catch((error: unknown) => {
        throw error instanceof GuardError ? outdated() : error
      })
    // The row is gone, so nothing can read the blobs any more; a crash here leaves bytes that the blob sweep removes.
    await this.#blobs.delete(cube.blobs)
    return cube
  }

  async #givenVectors(
    vectors: VaultSession['vectors'],
    { id }: NamespaceRow,
    inputs: readonly CreateCube[],
    cubes: readonly NewCube[],
    nameOf: NameOf,
  ): Promise<GivenVector[]> {
    if (!inputs.some((input) => input.embedding !== undefined)) return []
    return callerVectors(inputs, cubes, await vectors.spaces(id), nameOf)
  }

  #vectorWrites(namespaceId: number, given: readonly GivenVector[], atMs: number): VaultWrite[] {
    return [...Map.groupBy(given, (one) => one.model)].flatMap(([model, vectors]) => [
      {
        kind: 'advance_space' as const,
        namespaceId,
        model,
        dimensions: vectors[0]?.vector.length ?? 0,
        state: 'active' as const,
        fromSeq: null,
        builtSeq: 0,
        atMs,
      },
      {
        kind: 'put_embeddings' as const,
        namespaceId,
        model,
        vectors: vectors.map((one) => ({ ...one, vector: this.#encodeVector(one.vector) })),
      },
    ])
  }

  #draft(input: CreateCube, context: RequestContext, nameOf: (field: string) => string): Draft {
    try {
      this.#expectReadable(input, context)
      return draftCube(input, this.#draftContext(context))
    } catch (error) {
      if (!(error instanceof MemosError) || error.facts.field === undefined) throw error
      throw new MemosError(error.code, { ...error.facts, field: nameOf(error.facts.field) }, { cause: error })
    }
  }

  #draftContext({ nowMs, principal }: RequestContext): DraftContext {
    return { nowMs, randomBytes: this.#runtime.randomBytes, author: principal.keyId }
  }
}

/**
 * Stores blobs first, then applies one batch. What was stored for new cubes of a refused batch is removed again; what was stored for other cubes is
 * left to the blob sweep, since an older revision, or a writer that won, may name the very same bytes.
 */
export async function applyWithBlobs(
  store: BlobStore,
  vault: OrgVault,
  drafts: readonly Pick<Draft, 'cube' | 'blobs'>[],
  { principal }: RequestContext,
  writes: VaultWrite[],
): Promise<void> {
  const blobs = drafts.flatMap(({ cube: { record }, blobs: made }) =>
    made.map(({ cid, bytes }) => ({
      key: blobKey(principal.orgId, record.cubeId, cid),
      bytes,
      isNew: record.revision === 1,
    })),
  )
  for (const { key, bytes } of blobs) await store.put(key, bytes)
  try {
    await vault.apply(writes)
  } catch (error) {
    // Only a refusal is sure to have written nothing. When the answer was lost the rows may be there, and they need their blobs.
    if (error instanceof GuardError || error instanceof UniqueError) {
      await store.delete(blobs.filter(({ isNew }) => isNew).map(({ key }) => key))
    }
    throw error
  }
}

/** The facts that erasing a cube needs, whether or not its text can be read. */
export const erasable = (
  { cube, full }: { cube: FullCube['cube']; full: FullCube | null },
  blobs: readonly string[],
): StoredCube => (full === null ? damagedCube(cube, blobs) : storedCube(full, blobs))

/** The facts that taking a stored cube out of the indexes needs. */
export function storedCube({ cube, content }: FullCube, blobs: readonly string[]): StoredCube {
  const isKnown = cube.analyser === ANALYSER_VERSION
  const terms = isKnown ? indexText({ ...cube, content: content ?? '' }).terms.map(([term]) => term) : null
  return { ...damagedCube(cube, blobs), terms }
}

/** The same of a cube whose text cannot be read: its terms are looked for in the whole namespace. */
function damagedCube(cube: FullCube['cube'], blobs: readonly string[]): StoredCube {
  return {
    namespaceId: cube.namespaceId,
    seq: cube.seq,
    cubeId: cube.cubeId,
    cid: cube.cid,
    revision: cube.revision,
    sessionId: cube.sessionId,
    contentBytes: cube.contentBytes,
    terms: null,
    termCount: cube.termCount,
    blobs,
  }
}

/** The change of state of a cube whose text grows; before its update, which expects the revision and not the state. */
export function mergeOf(
  { cube }: FullCube,
  to: FullCube['cube']['state'],
  { principal, nowMs }: RequestContext,
): VaultWrite[] {
  if (to === cube.state) return []
  const { namespaceId, seq, cubeId, revision, sessionId, termCount } = cube
  return [
    {
      kind: 'transition_cubes',
      namespaceId,
      cubes: [{ seq, cubeId, revision, sessionId, termCount, terms: [], from: cube.state, to }],
      event: 'merge',
      reason: null,
      caller: principal.keyId,
      atMs: nowMs,
    },
  ]
}

/** Keeps the answer of a request under its Idempotency-Key, in the batch of its writes. */
export const finish = ({ idempotencyKey }: RequestContext, status: number, body: unknown): VaultWrite[] =>
  idempotencyKey === null
    ? []
    : [{ kind: 'finish_idempotency', key: idempotencyKey, status, response: JSON.stringify(body) }]
