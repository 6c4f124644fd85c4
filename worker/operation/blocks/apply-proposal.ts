import { NAME_LENGTH_MAX } from '../../../schemas/limits.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { BlockRow } from '../../ports/rows.ts'
import type { NewCube, VaultWrite } from '../../ports/vault-write.ts'
import { transitionOf } from '../lifecycle/mem-lifecycle.ts'
import { mergedCube } from '../lifecycle/merged-cube.ts'
import type { DraftContext } from '../organise/draft-cube.ts'
import { storedCube } from '../organise/memory-writer.ts'
import { putAway } from '../time-machine/move-cubes.ts'
import type { Proposal } from './proposals.ts'
import type { ChangeFacts } from './undo-change.ts'

type Of<K extends Proposal['kind']> = Extract<Proposal, { kind: K }>

/** What a proposal writes, what its row keeps for the way back, and which cubes leave the index. */
export interface Carried {
  writes: VaultWrite[]
  before: ChangeFacts
  after: ChangeFacts
  away: number[]
}

export const carryRank = (block: BlockRow, { ranks }: Of<'rank'>): Carried => ({
  writes: [{ kind: 'set_ranks', blockId: block.id, namespaceId: block.namespaceId, ranks }],
  before: {},
  after: { ranks },
  away: [],
})

export const carryRetire = (
  block: BlockRow,
  { reason }: Of<'retire'>,
  cubes: readonly FullCube[],
  context: RequestContext,
): Carried => {
  const cubeIds = cubes.map(({ cube }) => cube.cubeId)
  return {
    writes: [
      ...putAway(cubes, context, reason),
      { kind: 'retire_members', blockId: block.id, cubeIds, atMs: context.nowMs },
    ],
    before: {},
    after: { cubeIds },
    away: cubes.map(({ cube }) => cube.seq),
  }
}

/** As MemLifecycle merges: the older cube takes the newer one in, which is archived. Null where the text would be too long. */
export function carryMerge(
  block: BlockRow,
  { target, source }: Of<'merge'>,
  context: RequestContext,
  draft: DraftContext,
): Carried | null {
  const merged = mergedCube(target, source, draft)
  if (merged === null) return null
  const [into, from] = [target.cube.cubeId, source.cube.cubeId]
  const change = { namespaceId: block.namespaceId, caller: context.principal.keyId, atMs: context.nowMs }
  return {
    writes: [
      {
        kind: 'transition_cubes',
        ...change,
        cubes: [transitionOf(target, 'merged')],
        event: 'merge',
        reason: `took in ${from}`,
      },
      { kind: 'update_cube', stored: storedCube(target, []), ...merged },
      {
        kind: 'transition_cubes',
        ...change,
        cubes: [transitionOf(source, 'archived')],
        event: 'archive',
        reason: `says the same as ${into}`,
        mergedInto: into,
      },
      { kind: 'retire_members', blockId: block.id, cubeIds: [from], atMs: context.nowMs },
    ],
    before: { revision: target.cube.revision },
    after: { revision: target.cube.revision + 1, target: into, source: from },
    away: [source.cube.seq],
  }
}

/** The new block has the members of the topic and a text that says nothing yet. */
export const carrySplit = (
  block: BlockRow,
  { cubeIds }: Of<'split'>,
  { id, name, core }: { id: string; name: string; core: NewCube },
  { principal, nowMs }: RequestContext,
): Carried => ({
  writes: [
    { kind: 'insert_cubes', namespaceId: block.namespaceId, cubes: [core] },
    {
      kind: 'insert_block',
      block: {
        ...block,
        id,
        name,
        coreCubeId: core.record.cubeId,
        pinned: false,
        version: 1,
        dueMs: null,
        createdBy: principal.keyId,
        createdAtMs: nowMs,
        updatedAtMs: nowMs,
      },
    },
    { kind: 'move_members', fromId: block.id, toId: id, cubeIds },
  ],
  before: {},
  after: { blockId: id, coreCubeId: core.record.cubeId, cubeIds },
  away: [],
})

/** The first name with a number behind it that no block has. */
export function splitName(name: string, taken: ReadonlySet<string>): string {
  for (let number = 2; ; number++) {
    const suffix = ` ${number}`
    const next = [...name].slice(0, NAME_LENGTH_MAX - suffix.length).join('') + suffix
    if (!taken.has(next)) return next
  }
}
