import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { MemosError } from '../../../schemas/errors.ts'
import { SNAPSHOT_CUBES_MAX, SNAPSHOTS_MAX } from '../../../schemas/limits.ts'
import { ulid } from '../../../schemas/ulid.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import { GuardError, UniqueError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow, SnapshotRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { EmbeddingBuilder } from '../embed/embedding-builder.ts'
import { outdated } from '../organise/revise-cube.ts'
import { finish } from './finish.ts'
import { restoreWrites } from './rewrite-cube.ts'

export interface TimeMachineComponents {
  runtime: Runtime
  embeddings: Pick<EmbeddingBuilder, 'plan' | 'wake'>
}

/** Brings earlier revisions back, always as new ones, and pins namespaces: history is never rewritten. */
export class TimeMachine {
  readonly #runtime: Runtime
  readonly #embeddings: TimeMachineComponents['embeddings']

  constructor({ runtime, embeddings }: TimeMachineComponents) {
    this.#runtime = runtime
    this.#embeddings = embeddings
  }

  /**
   * Makes a new revision with the content of an earlier one; an archived cube comes back with it. The current revision is left as it is:
   * restoring it changes nothing. `answer` is what an idempotent retry is told.
   * @throws MemosError not_found, revision_purged, cube_frozen, revision_conflict
   */
  async restoreCube(
    session: VaultSession,
    cubeId: string,
    wanted: { revision: number; expectedRevision?: number | undefined },
    context: RequestContext,
    answer: unknown,
  ): Promise<FullCube> {
    const stored = await session.cubes.get(cubeId, 'write')
    const { cube } = stored
    if (cube.state === 'frozen') throw new MemosError('cube_frozen')
    const expected = `revision ${cube.revision}, which is the current one`
    if (wanted.expectedRevision !== undefined && wanted.expectedRevision !== cube.revision)
      throw new MemosError('revision_conflict', { field: 'expectedRevision', expected })
    const old = await this.#revision(session, cube, wanted.revision)
    if (wanted.revision === cube.revision && cube.state !== 'archived') {
      await session.vault.apply([...finish(context, 200, answer), auditOf(context, cube.namespaceId, [cubeId])])
      return stored
    }
    const content = await session.past.text(cubeId, old)
    const target = { like: old, content }
    const { writes, textChanged } = restoreWrites(stored, target, this.#runtime.randomBytes, context)
    const plan = textChanged ? this.#embeddings.plan({ id: cube.namespaceId }, context) : NO_PLAN
    await session.vault
      .apply([
        ...plan.writes,
        ...writes,
        ...finish(context, 200, answer),
        auditOf(context, cube.namespaceId, [cubeId], [cube.memoryType]),
      ])
      .catch((error: unknown) => {
        throw error instanceof GuardError ? outdated() : error
      })
    this.#embeddings.wake({ id: cube.namespaceId }, plan)
    return session.cubes.known(cubeId, 'write')
  }

  async #revision({ past }: VaultSession, cube: FullCube['cube'], number: number) {
    const row = await past.revision(cube.cubeId, number)
    if (row !== null) return past.decode(row)
    if (number > cube.revision)
      throw new MemosError('not_found', { field: 'revision', expected: 'a revision of the cube' })
    throw new MemosError('revision_purged', { field: 'revision', expected: 'a revision that is still kept' })
  }

  /** Pins every cube of a namespace, or the one named, as it is now. @throws MemosError already_exists, too_much_changed */
  async createSnapshot(
    session: VaultSession,
    namespace: NamespaceRow,
    name: string,
    context: RequestContext,
  ): Promise<SnapshotRow> {
    const snapshot = {
      id: ulid(context.nowMs, this.#runtime.randomBytes),
      namespaceId: namespace.id,
      name,
      createdBy: context.principal.keyId,
      createdAtMs: context.nowMs,
    }
    try {
      await session.vault.apply([{ kind: 'insert_snapshot', snapshot, cubeId: null }, auditOf(context, namespace.id)])
    } catch (error) {
      if (error instanceof UniqueError)
        throw new MemosError(
          'already_exists',
          { field: 'name', expected: 'a name that no snapshot of the namespace has' },
          { cause: error },
        )
      if (!(error instanceof GuardError)) throw error
      const detail = `A namespace has at most ${SNAPSHOTS_MAX} snapshots, and one pins at most ${SNAPSHOT_CUBES_MAX} cubes.`
      throw new MemosError('too_much_changed', { detail }, { cause: error })
    }
    const made = await session.pins.snapshot(namespace.id, name)
    if (made === null) throw new MemosError('not_found')
    return made
  }

  /** sha-256, hex, over what a snapshot pins of the cubes that the caller may see. */
  async digest(session: VaultSession, snapshotId: string): Promise<string> {
    const hash = sha256.create()
    for await (const lines of session.pins.digestLines(snapshotId))
      for (const line of lines) hash.update(utf8ToBytes(`${line}\n`))
    return bytesToHex(hash.digest())
  }
}

const NO_PLAN = { taskId: null, writes: [] }
