import type { z } from 'zod'
import type { Cid } from '../../../schemas/cid.ts'
import { CreateCube, UpdateCube } from '../../../schemas/cube.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { nextState } from '../../../schemas/lifecycle.ts'
import { LINEAGE_MAX } from '../../../schemas/limits.ts'
import type { StepOf } from '../../../schemas/pipeline.ts'
import type { LineageParent } from '../../../schemas/revision.ts'
import { AsOf } from '../../../schemas/time-machine.ts'
import { SENSITIVITIES, type Sensitivity } from '../../../schemas/vocabulary.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import { transitionOf } from '../lifecycle/mem-lifecycle.ts'
import { type DraftContext, draftCube } from '../organise/draft-cube.ts'
import { erasable } from '../organise/memory-writer.ts'
import { reviseCube } from '../organise/revise-cube.ts'
import { rewriteCube } from '../time-machine/rewrite-cube.ts'
import { cubeAsOf } from '../time-machine/standing.ts'
import type { StepContext } from './read-steps.ts'
import type { Item } from './run-state.ts'

type Parent = z.infer<typeof LineageParent>

export interface WriteContext extends StepContext {
  draft: DraftContext
}

const invalid = (field: string, expected: string) => new MemosError('invalid_request', { field, expected })

/** The cube, sure to be the caller's to write and still at the revision that the run read. */
async function writable({ session, state }: WriteContext, full: FullCube): Promise<FullCube> {
  const stored = await session.cubes.get(full.cube.cubeId, 'write')
  const current = state.current(stored)
  if (current.cube.state === 'frozen') throw new MemosError('cube_frozen')
  return current
}

const parentsOf = (sources: readonly FullCube[], relation: Parent['relation']): Parent[] =>
  [...new Set(sources.map(({ cube }) => cube.cid))].slice(0, LINEAGE_MAX).map((cid) => ({ cid: cid as Cid, relation }))

/** As sensitive as the most sensitive source: a summary must not tell what its readers may not read. */
const sensitivityOfAll = (sources: readonly FullCube[]): Sensitivity =>
  SENSITIVITIES[Math.max(0, ...sources.map(({ cube }) => SENSITIVITIES.indexOf(cube.sensitivity)))] ?? 'none'

export async function create(step: StepOf<'create'>, field: string, context: WriteContext): Promise<Item[]> {
  const { state } = context
  const items = state.items(step.from)
  if (items.length === 0) return []
  const namespace = await context.namespaceOf(step.namespace, 'write')
  const drafts = items.map((item) => {
    const of = item.cube?.cube
    const input = CreateCube.safeParse({
      content: item.text,
      title: step.title ?? of?.title ?? undefined,
      semanticType: step.semanticType ?? of?.semanticType,
      tags: step.tags ?? of?.tags,
      metadata: step.metadata ?? of?.metadata,
      priority: step.priority ?? of?.priority,
      sensitivity: sensitivityOfAll(item.sources),
      ...(of === undefined
        ? {}
        : { saidAt: of.saidAtMs, speaker: of.speaker ?? undefined, role: of.role ?? undefined }),
      origin: { kind: 'inference', ref: context.request.requestId },
      lineage: parentsOf(item.sources, step.relation),
    })
    if (!input.success)
      throw invalid(`${field}.from`, `texts that can be a cube: ${input.error.issues[0]?.message ?? ''}`)
    return draftCube(input.data, context.draft)
  })
  state.create(step.id, namespace.id, drafts)
  // What is made now has no place in its namespace yet: later steps may read it, not change it.
  return items.map(({ text, sources }) => ({ text, cube: null, sources }))
}

export async function update(step: StepOf<'update'>, field: string, context: WriteContext): Promise<Item[]> {
  const { state } = context
  const written: Item[] = []
  for (const item of state.items(step.from)) {
    if (item.cube === null) throw invalid(`${field}.from`, 'a step whose texts each belong to one cube')
    const full = await writable(context, item.cube)
    const { mode, title, tags, metadata, priority } = step
    const parsed = UpdateCube.safeParse({
      mode,
      title,
      tags,
      metadata,
      priority,
      ...(step.text ? { content: item.text } : {}),
    })
    if (!parsed.success) throw invalid(field, parsed.error.issues[0]?.message ?? 'a valid update')
    const isSame =
      step.text && item.text === full.content && [title, tags, metadata, priority].every((one) => one === undefined)
    const next = isSame ? full : state.update(step.id, full, reviseCube(full, parsed.data, context.draft), parsed.data)
    written.push({ text: next.content ?? '', cube: next, sources: [next] })
  }
  return written
}

export async function link(step: StepOf<'link'>, context: WriteContext): Promise<Item[]> {
  const { state } = context
  for (const target of state.cubes(step.to)) {
    const full = await writable(context, target)
    const sources = state.cubes(step.from).filter(({ cube }) => cube.cubeId !== full.cube.cubeId)
    const known = new Set(full.revision.lineage.map(({ cid }) => cid))
    const fresh = parentsOf(sources, step.relation).filter(({ cid }) => !known.has(cid))
    if (fresh.length === 0) continue
    const lineage = [...full.revision.lineage, ...fresh].slice(-LINEAGE_MAX)
    const like = { ...full.revision, lineage }
    const next = rewriteCube(
      full,
      { like, content: full.content, mode: 'merge', state: full.cube.state },
      context.draft,
    )
    state.replace(step.id, full, next, [], full.content)
  }
  return state.items(step.to)
}

export async function restore(step: StepOf<'restore'>, field: string, context: WriteContext): Promise<Item[]> {
  const { session, state, request } = context
  const asOf = AsOf.safeParse(step.asOf)
  if (!asOf.success) throw invalid(`${field}.asOf`, 'an ISO 8601 time with an offset, or snapshot:NAME')
  const written: Item[] = []
  for (const target of state.cubes(step.from)) {
    const full = await writable(context, target)
    const stood = await cubeAsOf(session, full.cube.cubeId, asOf.data, request.nowMs)
    const isSame = stood.cube.cid === full.cube.cid
    const like = { like: stood.revision, content: stood.content, mode: 'restore' as const, state: full.cube.state }
    const next = isSame ? full : state.replace(step.id, full, rewriteCube(full, like, context.draft), [], stood.content)
    written.push({ text: next.content ?? '', cube: next, sources: [next] })
  }
  return written
}

export async function archive(step: StepOf<'archive'>, context: WriteContext): Promise<Item[]> {
  const { state, request } = context
  for (const target of state.cubes(step.from)) {
    const full = await writable(context, target)
    if (full.cube.state === 'archived') continue
    const to = nextState(full.cube.state, 'archive')
    if (to === null)
      throw new MemosError('invalid_transition', {
        field: step.id,
        expected: `cubes that can be archived; one is ${full.cube.state}`,
      })
    const { namespaceId } = full.cube
    state.apply(
      step.id,
      full,
      {
        kind: 'transition_cubes',
        namespaceId,
        cubes: [transitionOf(full, to)],
        event: 'archive',
        reason: step.reason ?? null,
        caller: request.principal.keyId,
        atMs: request.nowMs,
      },
      { ...full, cube: { ...full.cube, state: to } },
    )
  }
  return state.items(step.from)
}

export async function forget(step: StepOf<'forget'>, context: WriteContext): Promise<Item[]> {
  const { session, state, request } = context
  for (const target of state.cubes(step.from)) {
    const full = await writable(context, target)
    const blobs = await session.cubes.blobKeys(full.cube.cubeId)
    const cube = erasable({ cube: full.cube, full }, blobs)
    state.apply(step.id, full, { kind: 'delete_cubes', cubes: [cube], atMs: request.nowMs, reason: 'deleted' }, null)
    state.blobs.push(...blobs)
  }
  return []
}
