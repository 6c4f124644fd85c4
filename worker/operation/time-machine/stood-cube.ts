import type { BranchLocal } from '../../../schemas/branch-local.ts'
import { utf8Length } from '../../../schemas/canonical-text.ts'
import { MemosError } from '../../../schemas/errors.ts'
import type { Revision } from '../../../schemas/revision.ts'
import type { StandingRow, TimeMachineReader } from '../../infrastructure/time-machine/time-machine-reader.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { BranchCubeRow, CubeRow, NamespaceRow } from '../../ports/rows.ts'
import { ANALYSER_VERSION } from '../retrieval/analyse.ts'

type Reader = Pick<TimeMachineReader, 'decode' | 'text'>

/**
 * A cube as it stood: what its revision of then says, and beside it what no revision holds (metadata, priority, sensitivity, expiry, use) as it is now.
 * @throws MemosError revision_purged, data_corrupt, blob_missing
 */
export async function stoodCube(row: StandingRow, reader: Reader): Promise<FullCube> {
  const { at, cube, session, namespace, state } = row
  if (at === null) throw new MemosError('revision_purged')
  const revision = reader.decode({ cubeId: cube.cubeId, ...at })
  const content = await reader.text(cube.cubeId, revision)
  const isHead = at.cid === cube.cid
  return {
    cube: {
      ...cube,
      ...fieldsOf(revision, content),
      cid: at.cid,
      updatedAtMs: isHead ? cube.updatedAtMs : at.createdAtMs,
      state,
    },
    revision,
    content,
    session,
    namespace,
  }
}

/** Columns of a cube that its revision decides. */
const fieldsOf = (revision: Revision, content: string | null) => ({
  revision: revision.number,
  title: revision.title ?? null,
  semanticType: revision.semanticType,
  tags: revision.tags,
  validFromMs: revision.validFromMs ?? null,
  validToMs: revision.validToMs ?? null,
  contentBytes: utf8Length(content ?? ''),
})

/**
 * A cube as a branch left it: `head` is the namespace's own row of it, null for one that the branch made; such a one stands at `seq`.
 * @throws MemosError data_corrupt, blob_missing
 */
export async function branchCube(
  { cubeId, cid, bytes, local, updatedAtMs }: BranchCubeRow,
  head: StandingRow | null,
  namespace: Pick<NamespaceRow, 'id' | 'name' | 'layer'>,
  seq: number,
  reader: Reader,
): Promise<FullCube | null> {
  if (cid === null || bytes === null || local === null) return null
  const revision = reader.decode({ cid, cubeId, bytes })
  const content = await reader.text(cubeId, revision)
  const base = head?.cube ?? madeRow(cubeId, local, namespace.id, seq)
  const cube: CubeRow = {
    ...base,
    ...local.now,
    ...fieldsOf(revision, content),
    memoryType: revision.memoryType,
    cid,
    updatedAtMs,
    state: head?.state ?? 'generated',
  }
  return { cube, revision, content, session: head?.session ?? local.made?.session ?? null, namespace }
}

/** The row of a cube that only a branch has: in no conversation of the namespace, never used. */
function madeRow(cubeId: string, { made, now }: BranchLocal, namespaceId: number, seq: number): CubeRow {
  return {
    namespaceId,
    seq,
    cubeId,
    revision: 1,
    cid: '',
    state: 'generated',
    memoryType: 'plaintext',
    semanticType: 'fact',
    title: null,
    sessionId: null,
    position: null,
    speaker: made?.speaker ?? null,
    role: made?.role ?? null,
    saidAtMs: made?.saidAtMs ?? 0,
    createdAtMs: made?.createdAtMs ?? 0,
    updatedAtMs: 0,
    lastUsedAtMs: null,
    accessCount: 0,
    heat: 0,
    usefulness: 0,
    contextFingerprint: null,
    validFromMs: null,
    validToMs: null,
    mergedInto: null,
    labels: [],
    originKind: made?.originKind ?? 'user_input',
    originRef: made?.originRef ?? null,
    provenanceId: cubeId,
    tags: [],
    features: 0,
    termCount: 0,
    analyser: ANALYSER_VERSION,
    contentBytes: 0,
    ...now,
  }
}
