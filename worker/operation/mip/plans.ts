import { MemosError } from '../../../schemas/errors.ts'
import type { CatchUpReport } from '../../../schemas/mip-subscription.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { StoredCube, VaultWrite } from '../../ports/vault-write.ts'
import type { MipIngestedRow } from '../../ports/writes/mip.ts'
import type { EmbeddingBuilder } from '../embed/embedding-builder.ts'
import type { Draft } from '../organise/draft-cube.ts'
import { applyWithBlobs, erasable } from '../organise/memory-writer.ts'

export type Outcome = 'ingested' | 'updated' | 'quarantined' | 'revoked' | 'refused' | 'filtered'
export type Counts = Pick<CatchUpReport, Outcome>

/** What one entry, or one decision, does to the memory here: data until it is applied. */
export interface Plan {
  outcome: Outcome
  writes: VaultWrite[]
  drafts: { draft: Draft; namespaceId: number }[]
  erased: StoredCube[]
}

export const nothing = (outcome: Outcome): Plan => ({ outcome, writes: [], drafts: [], erased: [] })

/** Says that what is here of a foreign cube is still what was read. */
export const expecting = (
  { subscriptionId, cube }: { subscriptionId: string; cube: string },
  row: MipIngestedRow | null,
): VaultWrite => ({
  kind: 'expect_mip_ingested',
  subscriptionId,
  cube,
  cid: row?.cid ?? null,
  state: row?.state ?? null,
})

/** The cube of ours that a row names, for erasing; nothing when it has expired meanwhile. */
export async function erasedCube(
  session: VaultSession,
  { cubeId }: Pick<MipIngestedRow, 'cubeId'>,
): Promise<StoredCube[]> {
  if (cubeId === null) return []
  try {
    return [erasable(await session.cubes.toErase(cubeId), await session.cubes.blobKeys(cubeId))]
  } catch (error) {
    if (error instanceof MemosError && error.code === 'not_found') return []
    throw error
  }
}

export interface PlanComponents {
  blobs: BlobStore
  embeddings: EmbeddingBuilder
}

/**
 * Applies plans and what goes with them in one batch: blobs before, vectors and blobs of what is erased after, when no row names them.
 * @throws GuardError when something has changed since it was read
 */
export async function applyPlans(
  { blobs, embeddings }: PlanComponents,
  session: VaultSession,
  plans: readonly Plan[],
  further: readonly VaultWrite[],
  context: RequestContext,
): Promise<void> {
  const drafts = plans.flatMap((plan) => plan.drafts)
  const erased = plans.flatMap((plan) => plan.erased)
  const added = drafts.filter(({ draft }) => draft.cube.record.revision === 1).length
  const { cubesMax } = session.vault.organisation
  const places = [...new Set(drafts.map(({ namespaceId }) => namespaceId))]
  const embedded = places.map((id) => ({ id, plan: embeddings.plan({ id }, context) }))
  const touched = Map.groupBy(
    [
      ...drafts.map(({ namespaceId, draft }) => ({ namespaceId, cubeId: draft.cube.record.cubeId })),
      ...erased.map(({ namespaceId, cubeId }) => ({ namespaceId, cubeId })),
    ],
    ({ namespaceId }) => namespaceId,
  )
  await applyWithBlobs(
    blobs,
    session.vault,
    drafts.map(({ draft }) => draft),
    context,
    [
      ...(cubesMax === null || added === 0 ? [] : [{ kind: 'expect_quota' as const, cubes: added, cubesMax }]),
      ...(erased.length === 0
        ? []
        : [{ kind: 'delete_cubes' as const, cubes: erased, atMs: context.nowMs, reason: 'deleted' as const }]),
      ...plans.flatMap((plan) => plan.writes),
      ...embedded.flatMap(({ plan }) => plan.writes),
      ...further,
      ...[...touched].map(([namespaceId, cubes]) =>
        auditOf(
          context,
          namespaceId,
          cubes.map(({ cubeId }) => cubeId),
        ),
      ),
    ],
  )
  for (const { id, plan } of embedded) embeddings.wake({ id }, plan)
  // The rows are gone: nothing reads these any more, so a crash here costs room only.
  await blobs.delete(erased.flatMap((cube) => cube.blobs))
  for (const [namespaceId, cubes] of Map.groupBy(erased, (cube) => cube.namespaceId))
    await embeddings.forget(
      session,
      context.principal.orgId,
      namespaceId,
      cubes.map(({ seq }) => seq),
    )
}
