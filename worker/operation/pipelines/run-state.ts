import { readStoredRevision } from '../../../protocol/core/revision.ts'
import type { Cid } from '../../../schemas/cid.ts'
import type { UpdateCube } from '../../../schemas/cube.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { PIPELINE_CUBES_MAX } from '../../../schemas/limits.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NewCube, VaultWrite } from '../../ports/vault-write.ts'
import type { EffectRow } from '../../ports/writes/pipelines.ts'
import type { Draft } from '../organise/draft-cube.ts'
import { mergeOf, storedCube } from '../organise/memory-writer.ts'
import { mergeText } from '../organise/revise-cube.ts'

/** What steps hand on: a text, the cube it is of (none for a text made of several), and the cubes it was made from. */
export interface Item {
  text: string
  cube: FullCube | null
  sources: readonly FullCube[]
}

/**
 * The shared context of a run: what each step handed on, the cubes as the run has left them so far, and everything that is to be written in the
 * end. Nothing is written before.
 */
export class RunState {
  readonly outputs = new Map<string, Item[]>()
  readonly writes: VaultWrite[] = []
  readonly drafts: Pick<Draft, 'blobs' | 'cube'>[] = []
  readonly effects: EffectRow[] = []
  /** Cubes that leave the index of their namespace, and blobs that nothing reads once the batch is applied. */
  readonly leaving: { namespaceId: number; seq: number }[] = []
  readonly blobs: string[] = []
  /** Namespaces with texts that want new vectors. */
  readonly texts = new Set<number>()
  readonly #written = new Map<string, string[]>()
  readonly #current = new Map<string, FullCube | null>()
  created = 0
  readonly #context: RequestContext

  constructor(context: RequestContext) {
    this.#context = context
  }

  /** The cube as the run has left it. @throws MemosError not_found for one that an earlier step erased */
  current(full: FullCube): FullCube {
    const known = this.#current.get(full.cube.cubeId)
    if (known === null)
      throw new MemosError('not_found', { detail: 'An earlier step of the pipeline erased the cube.' })
    return known ?? full
  }

  items(from: string | readonly string[]): Item[] {
    return (typeof from === 'string' ? [from] : from).flatMap((id) => this.outputs.get(id) ?? [])
  }

  /** The cubes that items are of or were made from, each once, as the run has left them. */
  cubes(from: string | readonly string[]): FullCube[] {
    const found = new Map<string, FullCube>()
    for (const { cube, sources } of this.items(from))
      for (const one of cube === null ? sources : [cube]) found.set(one.cube.cubeId, this.current(one))
    return [...found.values()]
  }

  /** Ids that a step wrote, in order. */
  writtenBy(stepId: string): string[] {
    return this.#written.get(stepId) ?? []
  }

  get written(): string[] {
    return [...new Set([...this.#written.values()].flat())]
  }

  /** @throws MemosError invalid_request when the run would change too much for one batch */
  #note(stepId: string, cubeId: string): void {
    this.#written.set(stepId, [...this.writtenBy(stepId), cubeId])
    if ([...this.#written.values()].reduce((sum, ids) => sum + ids.length, 0) > PIPELINE_CUBES_MAX)
      throw new MemosError('invalid_request', {
        field: 'steps',
        expected: `at most ${PIPELINE_CUBES_MAX} changes of cubes in one run`,
      })
  }

  create(stepId: string, namespaceId: number, drafts: readonly Draft[]): void {
    if (drafts.length === 0) return
    for (const { cube } of drafts) this.#note(stepId, cube.record.cubeId)
    this.drafts.push(...drafts)
    this.texts.add(namespaceId)
    this.created += drafts.length
    this.writes.push({ kind: 'insert_cubes', namespaceId, cubes: drafts.map(({ cube }) => cube) })
  }

  update(stepId: string, full: FullCube, draft: Draft & { textChanged: boolean }, update: UpdateCube): FullCube {
    return this.replace(stepId, full, draft, draft.blobs, mergeText(full.content ?? '', update))
  }

  /** The next revision of a cube, based on what the run has made of it so far. */
  replace(
    stepId: string,
    full: FullCube,
    { cube, textChanged }: { cube: NewCube; textChanged: boolean },
    blobs: Draft['blobs'],
    content: string | null,
  ): FullCube {
    this.#note(stepId, full.cube.cubeId)
    this.drafts.push({ cube, blobs })
    if (textChanged) this.texts.add(full.cube.namespaceId)
    this.writes.push(...mergeOf(full, cube.record.state, this.#context), {
      kind: 'update_cube',
      stored: storedCube(full, []),
      cube,
      textChanged,
    })
    const revision = readStoredRevision(cube.record.cid as Cid, cube.revision.bytes)
    const next: FullCube = { ...full, cube: { ...full.cube, ...cube.record }, revision, content }
    this.#current.set(full.cube.cubeId, next)
    return next
  }

  /** A write that changes the state of a cube, or erases it (`next` null). */
  apply(stepId: string, full: FullCube, write: VaultWrite, next: FullCube | null): void {
    this.#note(stepId, full.cube.cubeId)
    this.writes.push(write)
    this.leaving.push({ namespaceId: full.cube.namespaceId, seq: full.cube.seq })
    this.#current.set(full.cube.cubeId, next)
  }
}
