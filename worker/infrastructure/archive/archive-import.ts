import { matchesCid } from '../../../protocol/core/cid.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { ARCHIVE_BLOB_BYTES_MAX, ARCHIVE_PART_BYTES_MAX, CONTENT_BYTES_MAX } from '../../../schemas/limits.ts'
import { blobKey } from '../../ports/blob-keys.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import { GuardError } from '../../ports/database.ts'
import { blobCidsOf } from '../vault/text-blob.ts'
import { invalidArchive, textOf } from './archive-format.ts'
import { type CheckedCube, type CheckedRevision, readPart } from './archive-part.ts'
import { applyItems, type CubeWrite, type Decision, type ImportPlan, type ImportTarget } from './import-batches.ts'
import type { ImportReport } from './import-report.ts'
import { toNewCube } from './new-cube.ts'
import type { Organise } from './organise.ts'
import { type Occupant, occupantsOf } from './stored-cubes.ts'
import type { TarEntry } from './tar-stream.ts'

export interface PartImportComponents {
  blobs: BlobStore
  organise: Organise
}

/** The part that is being taken in: its cubes are written once the blobs behind it have come. */
interface OpenPart {
  name: string
  cubes: CheckedCube[]
  decisions: Decision[]
  /** Cubes by the blobs that they name. */
  owners: Map<string, CheckedCube[]>
  /** Current texts that came as blobs. */
  texts: Map<string, string>
  stored: { cubeId: string; key: string }[]
}

/** Takes in the parts of an archive one after another, each as a whole. */
export class PartImport implements ImportPlan<CheckedCube> {
  readonly #components: PartImportComponents
  readonly #target: ImportTarget
  readonly #report: ImportReport
  #open: OpenPart | null = null
  parts = 0
  cubes = 0

  constructor(components: PartImportComponents, target: ImportTarget, report: ImportReport) {
    this.#components = components
    this.#target = target
    this.#report = report
  }

  /** Checks a part and decides what becomes of its cubes. @throws MemosError invalid_archive */
  async begin(name: string, bytes: Uint8Array): Promise<void> {
    if (this.#open !== null) throw new TypeError('"begin" expected the part before it to be finished')
    const cubes = readPart(name, this.parts + 1, bytes, this.cubes + 1)
    const textBytes = cubes.reduce((sum, cube) => sum + (textBlobOf(cube)?.bytes ?? 0), 0)
    if (textBytes > ARCHIVE_PART_BYTES_MAX)
      throw invalidArchive(name, `at most ${ARCHIVE_PART_BYTES_MAX} bytes of text in blobs`)
    const owners = new Map<string, CheckedCube[]>()
    for (const cube of cubes) {
      for (const cid of new Set(cube.revisions.flatMap(({ view }) => blobCidsOf(view))))
        owners.set(cid, [...(owners.get(cid) ?? []), cube])
    }
    this.#open = { name, cubes, decisions: await this.decide(cubes), owners, texts: new Map(), stored: [] }
    this.parts += 1
    this.cubes += cubes.length
  }

  /** Stores a blob for those cubes of the open part that name it and are to be written. @throws MemosError invalid_archive */
  async blob(entry: TarEntry, cid: Cid): Promise<void> {
    const open = this.#open
    const owners = open?.owners.get(cid)
    if (open === null || owners === undefined)
      throw invalidArchive(entry.name, 'a blob that a cube of the part before it names')
    const isText = owners.some((cube) => textBlobOf(cube)?.cid === cid)
    if (isText && entry.size > CONTENT_BYTES_MAX)
      throw invalidArchive(entry.name, `at most ${CONTENT_BYTES_MAX} bytes of text`)
    if (entry.size > ARCHIVE_BLOB_BYTES_MAX) {
      for (const { line } of owners) this.#report.skipped.push({ line, reason: 'blob_too_large' })
      return entry.skip()
    }
    const bytes = await entry.read()
    if (!matchesCid(cid, bytes)) throw invalidArchive(entry.name, 'the bytes that its name is the address of')
    if (isText) open.texts.set(cid, textOf(bytes, entry.name))
    const written = new Set(open.cubes.filter((_, at) => isWrite(open.decisions[at])))
    for (const cube of owners.filter((owner) => written.has(owner))) {
      const key = blobKey(this.#target.session.vault.organisation.id, cube.cubeId, cid)
      await this.#components.blobs.put(key, bytes)
      open.stored.push({ cubeId: cube.cubeId, key })
    }
  }

  /** Writes the open part. @throws MemosError invalid_archive when the text of a cube did not come */
  async finish(): Promise<void> {
    const open = this.#open
    if (open === null) return
    for (const [at, cube] of open.cubes.entries()) {
      const blob = textBlobOf(cube)
      if (isWrite(open.decisions[at]) && blob !== null && !open.texts.has(blob.cid))
        throw invalidArchive(`blobs/${blob.cid}`, `the text of cube ${cube.cubeId} behind ${open.name}`)
    }
    await applyItems(this.#target, this, open.cubes, open.decisions, this.#report)
    this.#open = null
  }

  /** Removes the blobs of cubes that were not written after all. */
  async abandon(): Promise<void> {
    const stored = this.#open?.stored ?? []
    if (stored.length === 0) return
    const there = await this.#occupants(stored.map(({ cubeId }) => ({ cubeId, cid: '' })))
    await this.#components.blobs.delete(
      stored.filter(({ cubeId }) => there.get(cubeId)?.isMine !== true).map(({ key }) => key),
    )
  }

  async decide(cubes: readonly CheckedCube[]): Promise<Decision[]> {
    const occupants = await this.#occupants(
      cubes.map((cube) => ({ cubeId: cube.cubeId, cid: cube.revisions.at(-1)?.cid ?? '' })),
    )
    return cubes.map((cube) => decideOne(cube, occupants.get(cube.cubeId), this.#target.context.nowMs))
  }

  async writes(cubes: readonly CheckedCube[]): Promise<CubeWrite[]> {
    const { session, namespace, context } = this.#target
    const { organise } = this.#components
    const author = context.principal.keyId
    const occupants = await this.#occupants(cubes.map(({ cubeId }) => ({ cubeId, cid: '' })))
    const full = await session.cubes.bySeq(
      namespace.id,
      [...occupants.values()].filter((one) => one.isMine).map((one) => one.seq),
    )
    const stored = new Map(full.map((one) => [one.cube.cubeId, one]))
    return cubes.map((cube): CubeWrite => {
      const content = this.#contentOf(cube)
      const before = stored.get(cube.cubeId)
      if (before === undefined) return { kind: 'create', cube: toNewCube({ ...cube, content, author }, organise) }
      const fresh = revisionsAfter(cube.revisions, before.cube)
      if (fresh.length === 0) throw new GuardError('the cube has changed since the decision')
      // What is at hand here stays at hand: putting away is a change of state, and an update is none.
      const state = cube.record.state === 'archived' ? before.cube.state : cube.record.state
      const record = { ...cube.record, state }
      const next = toNewCube({ ...cube, record, revisions: fresh, content, author }, organise)
      const isSame = (['title', 'speaker', 'role', 'saidAtMs'] as const).every(
        (name) => next.record[name] === before.cube[name],
      )
      return {
        kind: 'update',
        cube: next,
        stored: organise.storedCube(before, []),
        state: before.cube.state,
        textChanged: content !== before.content || !isSame,
      }
    })
  }

  #contentOf(cube: CheckedCube): string | null {
    const text = textRenditionOf(cube)
    if (text === undefined) return null
    return text.text ?? this.#open?.texts.get(text.blob?.cid ?? '') ?? null
  }

  #occupants(cubes: readonly { cubeId: string; cid: string }[]): Promise<Map<string, Occupant>> {
    const { session, namespace, context } = this.#target
    return occupantsOf(session, namespace, context, cubes)
  }
}

const isWrite = (decision: Decision | undefined): boolean => decision?.kind === 'create' || decision?.kind === 'update'

function decideOne({ record, revisions }: CheckedCube, occupant: Occupant | undefined, nowMs: number): Decision {
  const isExpired = record.state === 'expired' || (record.expiresAtMs !== null && record.expiresAtMs <= nowMs)
  if (isExpired) return { kind: 'skip', reason: 'expired' }
  if (occupant === undefined) return { kind: 'create' }
  if (!occupant.isMine) return { kind: 'skip', reason: 'id_in_use' }
  if (occupant.isKnown) return { kind: 'unchanged' }
  if (revisionsAfter(revisions, occupant).length === 0) return { kind: 'skip', reason: 'another_history' }
  if (occupant.state === 'archived') return { kind: 'skip', reason: 'cube_archived' }
  return occupant.state === 'frozen' ? { kind: 'skip', reason: 'cube_frozen' } : { kind: 'update' }
}

/** The revisions that follow a stored one; none when it is not in their chain. */
function revisionsAfter(
  revisions: readonly CheckedRevision[],
  stored: { cid: string; revision: number },
): readonly CheckedRevision[] {
  const first = revisions.findIndex(({ view }) => view.prev === stored.cid && view.number === stored.revision + 1)
  return first < 0 ? [] : revisions.slice(first)
}

const textRenditionOf = ({ revisions }: CheckedCube) =>
  revisions.at(-1)?.view.renditions.find((one) => one.kind === 'text')

const textBlobOf = (cube: CheckedCube): { cid: Cid; bytes: number } | null => textRenditionOf(cube)?.blob ?? null
