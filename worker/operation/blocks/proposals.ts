import { nextState } from '../../../schemas/lifecycle.ts'
import { BLOCK_RETIRED_PER_CHANGE_MAX } from '../../../schemas/limits.ts'
import { isAbove, type Sensitivity } from '../../../schemas/vocabulary.ts'
import type { Member } from '../../infrastructure/blocks/block-reader.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { Rank } from '../../ports/writes/blocks.ts'
import { areCompatible, isComparable } from '../lifecycle/consolidator.ts'
import { gistOf, saysTheSame } from '../lifecycle/says-the-same.ts'
import { type Choice, type Told, usefulnessBy } from './choose-ranks.ts'
import { topicsOf } from './topics.ts'

/** A rank that would change by less is left as it is. */
const RANK_STEP_MIN = 0.05
/**
 * So many times in vain, and never once of use: then a member retires. Of those ignored six times, every eighth answered a later question of LoCoMo; of those
 * ignored ten times, none, but they were three cubes there and five of RealMem (topic `blocks` of test/bench).
 */
const IGNORED_MIN = 10
/** Members of one block say the same at fewer common terms than any two cubes do: somebody has put them together. */
const OVERLAP_MIN = 0.8
const TOPIC_MEMBERS_MIN = 4
/** Share of the members that two topics must hold for the block to fall apart. */
const TOPIC_SHARE_MIN = 0.8
/** A member this useful, and that helped so often, belongs into the text. */
const TEXT_USEFULNESS_MIN = 0.25
const TEXT_HELPED_MIN = 2

/** A member with what is known of it. */
export interface Judged {
  member: Member
  full: FullCube
  told: readonly Told[]
}

export type Proposal = { reason: string; cubeIds: string[] } & (
  | { kind: 'rank'; ranks: { cubeId: string; from: Rank; to: Rank }[]; choice: Choice | null }
  | { kind: 'retire' }
  | { kind: 'merge'; target: FullCube; source: FullCube }
  | { kind: 'split' }
  | { kind: 'rewrite'; additions: string[] }
)

/**
 * What feedback calls for, in the order in which it is to be done. `isBarred` tells which cubes a kind of change is not to touch again, because it
 * was taken back.
 */
export function proposalsOf(
  members: readonly Judged[],
  { core, choice }: { core: { text: string; sensitivity: Sensitivity }; choice: Choice | null },
  isBarred: (kind: Proposal['kind'], cubeId: string) => boolean,
): Proposal[] {
  const open = (kind: Proposal['kind']) => members.filter(({ full }) => !isBarred(kind, full.cube.cubeId))
  return [
    ...ranks(open('rank'), choice),
    ...retirement(open('retire')),
    ...merges(open('merge')),
    ...split(open('split'), members.length),
    ...rewrite(open('rewrite'), core),
  ]
}

/** Ranks by the strength that was chosen, where they are others than those that stand. */
function ranks(members: readonly Judged[], choice: Choice | null): Proposal[] {
  if (choice === null) return []
  const changed = members.flatMap(({ full: { cube }, member, told }) => {
    const usefulness = usefulnessBy(
      choice.strength,
      told.map(({ outcome }) => outcome),
    )
    const from = { usefulness: cube.usefulness, weight: member.weight }
    const isChanged = told.length > 0 && Math.abs(usefulness - cube.usefulness) >= RANK_STEP_MIN
    return isChanged ? [{ cubeId: cube.cubeId, from, to: { usefulness, weight: usefulness } }] : []
  })
  if (changed.length === 0) return []
  const reason = `feedback taken as "${choice.strength}" answers questions that it did not come with better`
  return [{ kind: 'rank', reason, cubeIds: changed.map(({ cubeId }) => cubeId), ranks: changed, choice }]
}

function retirement(members: readonly Judged[]): Proposal[] {
  const useless = members
    .filter(
      ({ full: { cube }, told }) =>
        told.length >= IGNORED_MIN &&
        told.every(({ outcome }) => outcome === 'ignored') &&
        nextState(cube.state, 'archive') !== null,
    )
    .slice(0, BLOCK_RETIRED_PER_CHANGE_MAX)
  if (useless.length === 0) return []
  const reason = `ignored ${IGNORED_MIN} times or more and never of use`
  return [{ kind: 'retire', reason, cubeIds: useless.map(({ full }) => full.cube.cubeId) }]
}

/** Pairs that say the same, each cube in one pair at most: the older one takes the newer one in. */
function merges(members: readonly Judged[]): Proposal[] {
  const sorted = members
    .map(({ full }) => full)
    .filter((full) => isComparable(full) && nextState(full.cube.state, 'merge') !== null)
    .sort((a, b) => a.cube.seq - b.cube.seq)
    .map((full) => ({ full, gist: gistOf({ title: full.cube.title, content: full.content ?? '' }) }))
  const taken = new Set<string>()
  return sorted.flatMap(({ full: target, gist }, at): Proposal[] => {
    if (taken.has(target.cube.cubeId)) return []
    const found = sorted.slice(at + 1).find(
      ({ full: source, gist: other }) =>
        !taken.has(source.cube.cubeId) &&
        areCompatible(target, source) &&
        // Metadata stands outside of the revisions, so only what adds none can be taken back exactly.
        Object.keys(source.cube.metadata).every((key) => key in target.cube.metadata) &&
        saysTheSame(gist, other, OVERLAP_MIN),
    )
    if (found === undefined) return []
    const cubeIds = [target.cube.cubeId, found.full.cube.cubeId]
    for (const id of cubeIds) taken.add(id)
    return [{ kind: 'merge', reason: 'two members say the same', cubeIds, target, source: found.full }]
  })
}

/** The smaller of two topics that have nothing in common and make up the block leaves it. */
function split(members: readonly Judged[], count: number): Proposal[] {
  const [first = [], second = []] = topicsOf(
    members.map(({ full }) => ({
      id: full.cube.cubeId,
      terms: gistOf({ title: null, content: full.content ?? '' }).terms,
    })),
  )
  const isClear = second.length >= TOPIC_MEMBERS_MIN && first.length + second.length >= TOPIC_SHARE_MIN * count
  if (!isClear) return []
  const reason = 'members are of two topics'
  return [{ kind: 'split', reason, cubeIds: [...second] }]
}

/** What helped again and again goes into the text, the most useful first, unless the text says it already. */
function rewrite(
  members: readonly Judged[],
  { text, sensitivity }: { text: string; sensitivity: Sensitivity },
): Proposal[] {
  const useful = members
    .filter(
      ({ full, told }) =>
        told.filter(({ outcome }) => outcome === 'helped').length >= TEXT_HELPED_MIN &&
        settled(told) >= TEXT_USEFULNESS_MIN &&
        full.cube.memoryType === 'plaintext' &&
        // Whoever may read the text must be one who may read what goes into it.
        !isAbove(full.cube.sensitivity, sensitivity) &&
        !text.includes(lineOf(full)),
    )
    .sort((a, b) => settled(b.told) - settled(a.told) || a.full.cube.seq - b.full.cube.seq)
  if (useful.length === 0) return []
  return [
    {
      kind: 'rewrite',
      reason: 'members helped again and again and the text does not say so',
      cubeIds: useful.map(({ full }) => full.cube.cubeId),
      additions: useful.map(({ full }) => lineOf(full)),
    },
  ]
}

/** What a cube says, as one line of a block's text. */
export const lineOf = ({ cube, content }: Pick<FullCube, 'cube' | 'content'>): string => {
  const said = (content ?? '').replace(/\s+/gu, ' ').trim()
  return cube.speaker === null ? said : `${cube.speaker}: ${said}`
}

const settled = (told: readonly Told[]): number =>
  usefulnessBy(
    'settled',
    told.map(({ outcome }) => outcome),
  )
