import { isoOf } from '../../../schemas/common.ts'
import { MemosError } from '../../../schemas/errors.ts'
import type { Filter } from '../../../schemas/filter.ts'
import { PIPELINE_CUBES_MAX, QUERY_LENGTH_MAX } from '../../../schemas/limits.ts'
import type { StepOf } from '../../../schemas/pipeline.ts'
import { SearchRequest } from '../../../schemas/search.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import { redactSensitive } from '../governance/sensitive.ts'
import { analyse } from '../retrieval/analyse.ts'
import type { MemOperator } from '../search/mem-operator.ts'
import { fillCube } from './fill.ts'
import type { Item, RunState } from './run-state.ts'

/** Share of common terms from which two texts of a run say the same. */
const SAME_OVERLAP_MIN = 0.85

/** What steps work with. */
export interface StepContext {
  session: VaultSession
  operator: MemOperator
  request: RequestContext
  state: RunState
  /** A namespace that the caller may use; by default that of the run. @throws MemosError not_found */
  namespaceOf(name: string | undefined, access: 'read' | 'write'): Promise<NamespaceRow>
}

const itemOf = (full: FullCube): Item => ({ text: full.content ?? '', cube: full, sources: [full] })

/** Cubes by id, by query, or by filter alone (newest first). Frozen in the run: later steps see what it has made of them. */
export async function retrieve(step: StepOf<'retrieve'>, context: StepContext): Promise<Item[]> {
  const { session, state } = context
  if (step.cubeIds !== undefined) {
    const cubes = await Promise.all(step.cubeIds.map((id) => session.cubes.get(id)))
    return cubes.map((full) => itemOf(state.current(full)))
  }
  const namespace = await context.namespaceOf(step.namespace, 'read')
  if (step.query !== undefined) {
    const found = await searchFor(context, namespace, {
      query: step.query,
      limit: step.limit,
      filter: step.filter,
      includeArchived: step.includeArchived,
    })
    return found.map((full) => itemOf(state.current(full)))
  }
  const all: Filter = {
    and: [step.filter ?? { field: 'cubeId', op: 'exists' }, ...(step.includeArchived ? [] : [NOT_ARCHIVED])],
  }
  const page = await session.cubes.page(namespace.id, all, step.limit, null)
  return page.map((full) => itemOf(state.current(full)))
}

const NOT_ARCHIVED: Filter = { field: 'state', op: 'ne', value: 'archived' }

async function searchFor(
  { session, operator, request }: StepContext,
  namespace: NamespaceRow,
  query: { query: string; limit: number; filter?: Filter | undefined; includeArchived?: boolean },
): Promise<FullCube[]> {
  const { found } = await operator.search(session, [namespace], SearchRequest.parse(query), request)
  return found.map(({ full }) => full)
}

/** The cubes at hand and what belongs to them: turns of the same conversations, or cubes that a search by their text finds. */
export async function augment(step: StepOf<'augment'>, context: StepContext): Promise<Item[]> {
  const { state, session } = context
  const given = state.items(step.from)
  const known = new Set(state.cubes(step.from).map(({ cube }) => cube.cubeId))
  const added: Item[] = []
  for (const full of state.cubes(step.from)) {
    const near = await related(step, full, context, session)
    for (const other of near) {
      if (known.has(other.cube.cubeId)) continue
      if (known.size >= PIPELINE_CUBES_MAX) return [...given, ...added]
      known.add(other.cube.cubeId)
      added.push(itemOf(state.current(other)))
    }
  }
  return [...given, ...added]
}

async function related(
  step: StepOf<'augment'>,
  full: FullCube,
  context: StepContext,
  session: VaultSession,
): Promise<FullCube[]> {
  if (step.with === 'session') {
    if (full.session === null) return []
    return session.cubes.page(full.namespace.id, { field: 'session', op: 'eq', value: full.session }, step.limit, null)
  }
  const query = (full.content ?? '').slice(0, QUERY_LENGTH_MAX)
  if (query.trim() === '') return []
  const namespace = await context.namespaceOf(full.namespace.name, 'read')
  return searchFor(context, namespace, { query, limit: step.limit + 1 })
}

export function select(step: StepOf<'select'>, { state }: StepContext): Item[] {
  const fits = ({ cube }: Item): boolean =>
    (step.tag === undefined || (cube?.cube.tags.includes(step.tag) ?? false)) &&
    (step.semanticType === undefined || cube?.cube.semanticType === step.semanticType)
  const items = state.items(step.from).filter(fits)
  const saidAt = ({ cube, sources }: Item) => cube?.cube.saidAtMs ?? sources[0]?.cube.saidAtMs ?? 0
  if (step.order !== 'given')
    items.sort((a, b) => (step.order === 'oldest' ? saidAt(a) - saidAt(b) : saidAt(b) - saidAt(a)))
  return items.slice(0, step.limit)
}

/** Other texts of the texts at hand. @throws MemosError invalid_request: `template` is missing */
export function transform(step: StepOf<'transform'>, field: string, { state }: StepContext): Item[] {
  const items = state.items(step.from)
  switch (step.op) {
    case 'redact':
      return items.map((item) => ({ ...item, text: redactSensitive(item.text) }))
    case 'deduplicate':
      return distinct(items)
    case 'concatenate':
      return items.length === 0
        ? []
        : [
            {
              text: items.map(({ text }) => text).join(step.separator),
              cube: null,
              sources: items.flatMap(({ sources }) => sources),
            },
          ]
    case 'template': {
      const { template } = step
      if (template === undefined)
        throw new MemosError('invalid_request', { field: `${field}.template`, expected: 'a text, for op template' })
      return items.map((item) => ({ ...item, text: fillCube(template, holesOf(item)) }))
    }
  }
}

function distinct(items: readonly Item[]): Item[] {
  const kept: { item: Item; terms: Set<string> }[] = []
  for (const item of items) {
    const terms = new Set(analyse(item.text))
    const same = kept.find(
      (one) => terms.intersection(one.terms).size >= SAME_OVERLAP_MIN * terms.union(one.terms).size,
    )
    if (same === undefined) kept.push({ item, terms })
    else same.item = { ...same.item, sources: [...same.item.sources, ...item.sources] }
  }
  return kept.map(({ item }) => item)
}

function holesOf({ text, cube, sources }: Item) {
  const of = cube ?? sources[0]
  return {
    content: text,
    title: of?.cube.title ?? '',
    date: of === undefined ? '' : isoOf(of.cube.saidAtMs).slice(0, 10),
    speaker: of?.cube.speaker ?? of?.cube.role ?? '',
  }
}
