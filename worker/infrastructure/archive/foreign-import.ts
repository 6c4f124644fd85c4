import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { encodeRevision, saltText } from '../../../protocol/core/revision.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { isTooFarAhead } from '../../../schemas/common.ts'
import { ARCHIVE_BATCH_ITEMS_MAX, REFERENCE_LENGTH_MAX } from '../../../schemas/limits.ts'
import type { Rendition } from '../../../schemas/rendition.ts'
import type { Revision } from '../../../schemas/revision.ts'
import { ulid } from '../../../schemas/ulid.ts'
import { blobKey } from '../../ports/blob-keys.ts'
import { GuardError } from '../../ports/database.ts'
import type { FullCube } from '../vault/cube-reader.ts'
import type { ArchiveRecord } from './archive-format.ts'
import type { PartImportComponents } from './archive-import.ts'
import type { CheckedRevision } from './archive-part.ts'
import { canonicalJson } from './canonical-json.ts'
import type { ForeignItem, ForeignMemory } from './foreign-memory.ts'
import { applyItems, type CubeWrite, type Decision, type ImportPlan, type ImportTarget } from './import-batches.ts'
import type { ImportReport } from './import-report.ts'
import { toNewCube } from './new-cube.ts'
import { type Occupant, occupantsOf } from './stored-cubes.ts'

const SALT_BYTES = 16
/** Revisions of a cube among which an earlier import of the same memory is looked for. */
const REVISIONS_SEARCHED = 50

const utf8 = new TextEncoder()

interface ForeignCube {
  line: number
  cubeId: string
  memory: ForeignMemory
  /** Follows from namespace, id and what the memory says: a revision that carries it is this very memory. */
  salt: string
}

/** Takes in memories of another system. @throws MemosError quota_exceeded, storage_full, … */
export async function importForeign(
  components: PartImportComponents,
  target: ImportTarget,
  items: readonly ForeignItem[],
  report: ImportReport,
): Promise<void> {
  const plan = new ForeignImport(components, target)
  const seen = new Set<string>()
  const cubes: ForeignCube[] = []
  for (const item of items) {
    if (!('memory' in item)) {
      report.skipped.push(item)
      continue
    }
    const cube = plan.cubeOf(item.memory)
    if (seen.has(cube.cubeId)) report.skipped.push({ line: cube.line, reason: 'duplicate_id' })
    else cubes.push(cube)
    seen.add(cube.cubeId)
  }
  for (let at = 0; at < cubes.length; at += ARCHIVE_BATCH_ITEMS_MAX) {
    const batch = cubes.slice(at, at + ARCHIVE_BATCH_ITEMS_MAX)
    try {
      await applyItems(target, plan, batch, await plan.decide(batch), report)
    } catch (error) {
      // Bytes that no row names harm nobody; the error that led here is the one to tell.
      await plan.abandon(batch).catch(() => undefined)
      throw error
    }
  }
}

class ForeignImport implements ImportPlan<ForeignCube> {
  readonly #components: PartImportComponents
  readonly #target: ImportTarget

  constructor(components: PartImportComponents, target: ImportTarget) {
    this.#components = components
    this.#target = target
  }

  /** The cube's id follows from the namespace and the id at the source, so that importing again finds it. */
  cubeOf(memory: ForeignMemory): ForeignCube {
    const { id: namespaceId, orgId } = this.#target.namespace
    const { line, use: _, ...said } = memory
    const id = memory.id ?? `sha256:${bytesToHex(sha256(utf8.encode(memory.content)))}`
    const digest = (use: string, ...parts: unknown[]) =>
      sha256(utf8.encode(canonicalJson([`memos-import ${use}`, orgId, namespaceId, id, ...parts])))
    const cubeId = ulid(0, (length) => digest('id').subarray(0, length))
    return { line, cubeId, memory: { ...memory, id }, salt: saltText(digest('salt', said).subarray(0, SALT_BYTES)) }
  }

  async decide(cubes: readonly ForeignCube[]): Promise<Decision[]> {
    const occupants = await this.#occupants(cubes)
    const decisions: Decision[] = []
    for (const cube of cubes) decisions.push(await this.#decideOne(cube, occupants.get(cube.cubeId)))
    return decisions
  }

  async #decideOne({ cubeId, memory, salt }: ForeignCube, occupant: Occupant | undefined): Promise<Decision> {
    const { session, context } = this.#target
    if (memory.expiresAtMs !== null && memory.expiresAtMs <= context.nowMs) return { kind: 'skip', reason: 'expired' }
    if (occupant === undefined) return { kind: 'create' }
    if (!occupant.isMine) return { kind: 'skip', reason: 'id_in_use' }
    const rows = await session.cubes.revisions(cubeId, REVISIONS_SEARCHED, null)
    // What was imported before stays as it is, later edits here included.
    if (rows.some((row) => session.cubes.decode(row).salt === salt)) return { kind: 'unchanged' }
    if (occupant.state === 'archived') return { kind: 'skip', reason: 'cube_archived' }
    return occupant.state === 'frozen' ? { kind: 'skip', reason: 'cube_frozen' } : { kind: 'update' }
  }

  async writes(cubes: readonly ForeignCube[]): Promise<CubeWrite[]> {
    const { session, namespace } = this.#target
    const occupants = await this.#occupants(cubes)
    const full = await session.cubes.bySeq(
      namespace.id,
      [...occupants.values()].filter((one) => one.isMine).map((one) => one.seq),
    )
    const stored = new Map(full.map((one) => [one.cube.cubeId, one]))
    const writes: CubeWrite[] = []
    for (const cube of cubes) writes.push(await this.#write(cube, stored.get(cube.cubeId)))
    return writes
  }

  /** Removes the blobs of cubes that were not written after all. */
  async abandon(cubes: readonly ForeignCube[]): Promise<void> {
    const { blobs, organise } = this.#components
    const occupants = await this.#occupants(cubes)
    const keys = cubes.flatMap(({ cubeId, memory }) => {
      const { blob } = organise.placeText(memory.content)
      return blob === null || occupants.get(cubeId)?.isMine === true ? [] : [this.#key(cubeId, blob.cid)]
    })
    await blobs.delete(keys)
  }

  #key(cubeId: string, cid: Cid): string {
    return blobKey(this.#target.session.vault.organisation.id, cubeId, cid)
  }

  async #write(cube: ForeignCube, before: FullCube | undefined): Promise<CubeWrite> {
    const { context } = this.#target
    const { blobs, organise } = this.#components
    if (before?.cube.state === 'frozen') throw new GuardError('the cube was frozen since the decision')
    const placed = organise.placeText(cube.memory.content)
    if (placed.blob !== null) await blobs.put(this.#key(cube.cubeId, placed.blob.cid), placed.blob.bytes)
    const view = viewOf(cube, placed.rendition, before)
    const revision: CheckedRevision = {
      ...encodeRevision(view),
      number: view.number,
      mode: 'import',
      createdAtMs: context.nowMs,
      view,
    }
    const record = recordOf(cube, context.nowMs, before)
    const next = toNewCube(
      {
        cubeId: cube.cubeId,
        record,
        revisions: [revision],
        content: cube.memory.content,
        author: context.principal.keyId,
      },
      organise,
    )
    return before === undefined
      ? { kind: 'create', cube: { ...next, use: cube.memory.use } }
      : {
          kind: 'update',
          cube: next,
          stored: organise.storedCube(before, []),
          state: before.cube.state,
          textChanged: true,
        }
  }

  #occupants(cubes: readonly ForeignCube[]): Promise<Map<string, Occupant>> {
    const { session, namespace, context } = this.#target
    return occupantsOf(
      session,
      namespace,
      context,
      cubes.map(({ cubeId }) => ({ cubeId, cid: '' })),
    )
  }
}

function viewOf(
  { cubeId, memory, salt }: ForeignCube,
  place: Pick<Extract<Rendition, { kind: 'text' }>, 'text' | 'blob'>,
  before: FullCube | undefined,
): Revision {
  const { title, semanticType, tags, speaker, role, saidAtMs, createdAtMs } = memory
  const facts = {
    ...(role === null ? {} : { role }),
    ...(speaker === null ? {} : { speaker }),
    ...(saidAtMs === null ? {} : { saidAtMs }),
  }
  const messages = Object.keys(facts).length === 0 ? {} : { messages: [{ startByte: 0, ...facts }] }
  return {
    v: 1,
    cubeId,
    number: (before?.cube.revision ?? 0) + 1,
    prev: (before?.cube.cid as Cid | undefined) ?? null,
    ...(title === null ? {} : { title }),
    semanticType,
    memoryType: 'plaintext',
    tags,
    renditions: [{ kind: 'text', mime: 'text/plain', ...place, ...messages }],
    lineage: [],
    ...(createdAtMs === null ? {} : { createdAtMs }),
    salt,
  }
}

function recordOf({ cubeId, memory }: ForeignCube, nowMs: number, before: FullCube | undefined): ArchiveRecord {
  const {
    id,
    title,
    semanticType,
    tags,
    session,
    speaker,
    role,
    saidAtMs,
    createdAtMs,
    updatedAtMs,
    expiresAtMs,
    state,
    metadata,
    priority,
    originRef,
  } = memory
  const isUsable = saidAtMs !== null && !isTooFarAhead(saidAtMs, nowMs)
  return {
    state: before !== undefined && state === 'archived' ? before.cube.state : state,
    memoryType: 'plaintext',
    semanticType,
    title,
    tags,
    session,
    position: null,
    speaker,
    role,
    saidAtMs: isUsable ? saidAtMs : nowMs,
    createdAtMs: before?.cube.createdAtMs ?? createdAtMs ?? nowMs,
    updatedAtMs: updatedAtMs ?? nowMs,
    expiresAtMs,
    priority: before?.cube.priority ?? priority ?? 'mid',
    sensitivity: before?.cube.sensitivity ?? 'none',
    originKind: 'inference',
    originRef: (originRef ?? id)?.slice(0, REFERENCE_LENGTH_MAX) ?? null,
    provenanceId: cubeId,
    metadata,
  }
}
