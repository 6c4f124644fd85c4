import { MemosError } from '../../../schemas/errors.ts'
import {
  BLOCK_CHANGES_MAX,
  BLOCK_CHANGES_PER_RUN_MAX,
  BLOCK_EVOLVED_MEMBERS_MAX,
  BLOCKS_MAX,
} from '../../../schemas/limits.ts'
import { ulid } from '../../../schemas/ulid.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import { GuardError, UniqueError } from '../../ports/database.ts'
import type { LanguageModel } from '../../ports/language-model.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { BlockChangeRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import type { EmbeddingBuilder } from '../embed/embedding-builder.ts'
import { draftCube } from '../organise/draft-cube.ts'
import { finish } from '../organise/memory-writer.ts'
import { outdated } from '../organise/revise-cube.ts'
import type { MemOperator } from '../search/mem-operator.ts'
import { type Carried, carryMerge, carryRank, carryRetire, carrySplit, splitName } from './apply-proposal.ts'
import { blockText } from './block-text.ts'
import { chooseStrength } from './choose-ranks.ts'
import { BLOCK_TYPE, type MemBlocks, type OpenBlock } from './mem-blocks.ts'
import { type Judged, type Proposal, proposalsOf } from './proposals.ts'
import { type Replayed, replay } from './replay.ts'
import { assembledText, modelText } from './rewrite-text.ts'
import { type ChangeFacts, cubesOf, undoingOf } from './undo-change.ts'

/** What was taken back is not proposed again for so long. */
const BARRED_MS = 30 * 86_400_000
/** Changes that are looked at for what was taken back or not judged yet. */
const CHANGES_LOOKED_AT = 100
/** A loss of quality below this is rounding. */
const LOSS_MIN = 1e-9

export interface BlockEvolutionComponents {
  blocks: MemBlocks
  operator: Pick<MemOperator, 'search'>
  embeddings: Pick<EmbeddingBuilder, 'plan' | 'wake' | 'forget'>
  languageModel: LanguageModel | null
  runtime: Runtime
}

export interface EvolutionReport {
  namespaceId: number
  proposals: Proposal[]
  changes: BlockChangeRow[]
  before: Replayed
  after: Replayed
}

/**
 * Lets blocks change themselves from feedback: one change after the other, each an ordinary reversible write with its reason, each judged on the
 * block's own questions and taken back when they are answered worse than before.
 */
export class BlockEvolution {
  readonly #components: BlockEvolutionComponents

  constructor(components: BlockEvolutionComponents) {
    this.#components = components
  }

  /** What would be done, and how well the block's questions are answered now. @throws MemosError not_found */
  async preview(session: VaultSession, blockId: string, context: RequestContext): Promise<EvolutionReport> {
    const opened = await this.#components.blocks.open(session, blockId, 'write')
    const before = await this.#replay(session, opened, context)
    const { namespaceId } = opened.block
    return {
      namespaceId,
      proposals: await this.#proposals(session, opened, before, context),
      changes: [],
      before,
      after: before,
    }
  }

  /**
   * Carries proposals out until there are none or `changesMax` are done. What another run or a writer overtakes is left to the
   * next run.
   * @throws MemosError not_found
   */
  async evolve(
    session: VaultSession,
    blockId: string,
    context: RequestContext,
    changesMax = BLOCK_CHANGES_PER_RUN_MAX,
  ): Promise<EvolutionReport> {
    const { blocks } = this.#components
    const made = await this.#judgeLeftOver(session, blockId, context)
    const first = await blocks.open(session, blockId, 'write')
    const before = await this.#replay(session, first, context)
    let after = before
    const proposals: Proposal[] = []
    const tried = new Set<string>()
    while (proposals.length < changesMax && !context.signal.aborted) {
      const opened = await blocks.open(session, blockId, 'write')
      const next = (await this.#proposals(session, opened, after, context)).find((one) => !tried.has(nameOf(one)))
      if (next === undefined) break
      tried.add(nameOf(next))
      const change = await this.carryOut(session, opened, next, after, context)
      if (change === null) continue
      proposals.push(next)
      const judged = await this.#judge(session, blockId, change, context)
      made.push(...judged.changes)
      // What was taken back leaves things as they were.
      after = judged.replayed ?? after
    }
    return { namespaceId: first.block.namespaceId, proposals, changes: made, before, after }
  }

  /** Undoes a change, once. @throws MemosError not_found, already_exists, revision_conflict, revision_purged, cube_frozen */
  async undo(session: VaultSession, blockId: string, changeId: string, context: RequestContext): Promise<number> {
    const opened = await this.#components.blocks.open(session, blockId, 'write')
    const change = await session.blocks.change(blockId, changeId)
    if (change.undoneAtMs !== null) throw new MemosError('already_exists', { detail: 'The change is undone already.' })
    const undoneAt = new Date(context.nowMs).toISOString()
    await this.#undo(session, opened, change, finish(context, 200, { changeId, undoneAt }), context).catch(
      (error: unknown) => {
        throw error instanceof GuardError ? outdated() : error
      },
    )
    return context.nowMs
  }

  /** Applies one proposal with the row that says so. Null where it is overtaken or does not apply. */
  async carryOut(
    session: VaultSession,
    opened: OpenBlock,
    proposal: Proposal,
    now: Pick<Replayed, 'questions' | 'quality'>,
    context: RequestContext,
  ): Promise<BlockChangeRow | null> {
    const { block, core } = opened
    const carried = await this.#carried(session, opened, proposal, context)
    if (carried === null) return null
    const { before, after, writes, away } = carried
    const facts = { before: { ...before }, after: { ...after }, reason: proposal.reason }
    const row = this.#components.blocks.change(block, proposal.kind, context, facts)
    const change = { ...row, ...foreseen(proposal, now, context) }
    try {
      await this.#apply(session, opened, { writes, away, cubeIds: [core.cube.cubeId, ...proposal.cubeIds] }, context, [
        { kind: 'insert_change', change, changesMax: BLOCK_CHANGES_MAX },
      ])
    } catch (error) {
      if (error instanceof GuardError || error instanceof UniqueError) return null
      throw error
    }
    return change
  }

  async #carried(
    session: VaultSession,
    opened: OpenBlock,
    proposal: Proposal,
    context: RequestContext,
  ): Promise<Carried | null> {
    const { block } = opened
    const draft = this.#draftContext(context)
    switch (proposal.kind) {
      case 'rank':
        return carryRank(block, proposal)
      case 'retire':
        return carryRetire(block, proposal, await cubesOf(session, block.namespaceId, proposal.cubeIds), context)
      case 'merge':
        return carryMerge(block, proposal, context, draft)
      case 'split': {
        const taken = await session.blocks.page(block.namespaceId, BLOCKS_MAX, null)
        const name = splitName(block.name, new Set(taken.map((one) => one.name)))
        const id = ulid(context.nowMs, draft.randomBytes)
        const { sensitivity } = opened.core.cube
        const { namespace: _, ...row } = block
        const core = draftCube({ ...CORE, tags: [], content: name, title: name, sensitivity }, draft).cube
        return carrySplit(row, proposal, { id, name, core }, context)
      }
      case 'rewrite': {
        const text = await this.#text(opened, proposal.additions, context)
        if (text === null) return null
        const { writes, receipt } = this.#components.blocks.rewritten(opened, text, context)
        const before: ChangeFacts = { revision: receipt.revision - 1 }
        return {
          writes: writes.filter(({ kind }) => kind !== 'change_block'),
          before,
          after: { revision: receipt.revision },
          away: [],
        }
      }
    }
  }

  /** The model's text where there is a model and it keeps to the facts; else the one that rules assemble. Both fit, so nothing is paged out. */
  async #text(
    { block, core }: OpenBlock,
    additions: readonly string[],
    { signal }: RequestContext,
  ): Promise<string | null> {
    const { languageModel } = this.#components
    const source = { text: blockText(core.content, core.cube.title), additions, tokensMax: block.tokensMax }
    const written = languageModel === null ? null : await modelText(languageModel, source, signal)
    return written ?? assembledText(source)
  }

  async #proposals(
    session: VaultSession,
    { block, core }: OpenBlock,
    { asked, questions, weight }: Replayed,
    context: RequestContext,
  ): Promise<Proposal[]> {
    const members = await session.blocks.liveMembers(block.id, BLOCK_EVOLVED_MEMBERS_MAX)
    const cubes = await session.cubes.bySeq(
      block.namespaceId,
      members.map(({ cube }) => cube.seq),
    )
    const bySeq = new Map(cubes.map((full) => [full.cube.seq, full]))
    const told = await session.blocks.told(
      block.namespaceId,
      members.map(({ cubeId }) => cubeId),
      asked,
    )
    const judged = members.flatMap((member): Judged[] => {
      const full = bySeq.get(member.cube.seq)
      return full === undefined ? [] : [{ member, full, told: told.get(member.cubeId) ?? [] }]
    })
    const undone = (await session.blocks.changes(block.id, CHANGES_LOOKED_AT, null)).filter(
      ({ undoneAtMs }) => undoneAtMs !== null && undoneAtMs > context.nowMs - BARRED_MS,
    )
    const barred = new Set(undone.flatMap((change) => touched(change).map((cubeId) => `${change.kind}:${cubeId}`)))
    // What went into a text is told by the text alone.
    if (undone.some(({ kind }) => kind === 'rewrite')) for (const { cubeId } of members) barred.add(`rewrite:${cubeId}`)
    const text = blockText(core.content, core.cube.title)
    const state = {
      core: { text, sensitivity: core.cube.sensitivity },
      choice: chooseStrength(questions, told, weight),
    }
    return proposalsOf(judged, state, (kind, cubeId) => barred.has(`${kind}:${cubeId}`))
  }

  /** Changes that a run made and did not live to judge. */
  async #judgeLeftOver(session: VaultSession, blockId: string, context: RequestContext): Promise<BlockChangeRow[]> {
    await this.#components.blocks.open(session, blockId, 'write')
    const open = (await session.blocks.changes(blockId, CHANGES_LOOKED_AT, null)).filter(
      ({ judgedAtMs, undoneAtMs }) => judgedAtMs === null && undoneAtMs === null,
    )
    const made: BlockChangeRow[] = []
    for (const change of open) made.push(...(await this.#judge(session, blockId, change, context)).changes)
    return made
  }

  /** Keeps a change that does no harm and takes back one that does. Answers the rows as they stand then. */
  async #judge(
    session: VaultSession,
    blockId: string,
    change: BlockChangeRow,
    context: RequestContext,
  ): Promise<{ changes: BlockChangeRow[]; replayed: Replayed | null }> {
    const { blocks } = this.#components
    const opened = await blocks.open(session, blockId, 'write')
    const replayed = await this.#replay(session, opened, context)
    const { qualityBefore } = change
    // What was told apart from its own feedback when it was chosen is judged already.
    if (change.judgedAtMs !== null) return { changes: [change], replayed }
    const judgement = { questions: replayed.questions.length, qualityBefore, qualityAfter: replayed.quality }
    const judge: VaultWrite = { kind: 'judge_change', changeId: change.id, judgement, atMs: context.nowMs }
    const isWorse = qualityBefore !== null && (replayed.quality ?? qualityBefore) < qualityBefore - LOSS_MIN
    const seen = { ...change, ...judgement, judgedAtMs: context.nowMs }
    if (!isWorse) {
      await session.vault.apply([judge])
      return { changes: [seen], replayed }
    }
    const back = blocks.change(opened.block, 'rollback', context, {
      before: { changeId: change.id },
      after: { cubeIds: touched(change) },
      reason: `what helped was found worse: ${(replayed.quality ?? 0).toFixed(4)} after ${qualityBefore.toFixed(4)}`,
    })
    const rollback = { ...back, ...judgement, judgedAtMs: context.nowMs }
    try {
      await this.#undo(
        session,
        opened,
        change,
        [judge, { kind: 'insert_change', change: rollback, changesMax: BLOCK_CHANGES_MAX }],
        context,
      )
    } catch (error) {
      // Somebody has written on top of it: what stands there now is theirs, and stays.
      if (!isOvertaken(error)) throw error
      await session.vault.apply([judge])
      return { changes: [seen], replayed }
    }
    return { changes: [{ ...seen, undoneAtMs: context.nowMs }, rollback], replayed: null }
  }

  async #undo(
    session: VaultSession,
    opened: OpenBlock,
    change: BlockChangeRow,
    further: readonly VaultWrite[],
    context: RequestContext,
  ): Promise<void> {
    const undoing = await undoingOf(session, opened, change, context, this.#draftContext(context))
    await this.#apply(session, opened, undoing, context, [
      { kind: 'undo_change', changeId: change.id, atMs: context.nowMs },
      ...further,
    ])
  }

  /** One batch that expects the block as it was read. */
  async #apply(
    session: VaultSession,
    { block }: OpenBlock,
    { writes, away, cubeIds }: { writes: readonly VaultWrite[]; away: readonly number[]; cubeIds: readonly string[] },
    context: RequestContext,
    further: readonly VaultWrite[],
  ): Promise<void> {
    const { embeddings } = this.#components
    const changesText = writes.some(
      ({ kind }) => kind === 'update_cube' || kind === 'insert_cubes' || kind === 'transition_cubes',
    )
    const plan = changesText ? embeddings.plan({ id: block.namespaceId }, context) : { taskId: null, writes: [] }
    await session.vault.apply([
      { kind: 'change_block', blockId: block.id, version: block.version, set: {}, atMs: context.nowMs },
      ...plan.writes,
      ...writes,
      ...further,
      auditOf(context, block.namespaceId, [...new Set(cubeIds)]),
    ])
    if (away.length > 0) await embeddings.forget(session, context.principal.orgId, block.namespaceId, away)
    embeddings.wake({ id: block.namespaceId }, plan)
  }

  #replay(session: VaultSession, opened: OpenBlock, context: RequestContext): Promise<Replayed> {
    return replay(this.#components.operator, session, opened, context)
  }

  #draftContext({ nowMs, principal }: RequestContext) {
    return { nowMs, randomBytes: this.#components.runtime.randomBytes, author: principal.keyId }
  }
}

const CORE = {
  semanticType: BLOCK_TYPE,
  memoryType: 'plaintext',
  metadata: {},
  priority: 'mid',
  origin: { kind: 'inference' },
} as const

/**
 * What is known of a change when it is made. Ranks were tried on questions apart from the feedback that came with them; asking these again would
 * let the feedback vouch for itself.
 */
function foreseen(
  proposal: Proposal,
  { questions, quality }: Pick<Replayed, 'questions' | 'quality'>,
  { nowMs }: RequestContext,
): Pick<BlockChangeRow, 'questions' | 'qualityBefore' | 'qualityAfter' | 'judgedAtMs'> {
  const known = { questions: questions.length, qualityBefore: quality, qualityAfter: null, judgedAtMs: null }
  if (proposal.kind !== 'rank' || proposal.choice === null) return known
  const { before, after } = proposal.choice
  return { ...known, qualityBefore: before, qualityAfter: after, judgedAtMs: nowMs }
}

const OVERTAKEN: ReadonlySet<string> = new Set(['revision_conflict', 'revision_purged', 'cube_frozen', 'cube_archived'])
const isOvertaken = (error: unknown): boolean =>
  error instanceof GuardError || (error instanceof MemosError && OVERTAKEN.has(error.code))

const nameOf = ({ kind, cubeIds }: Proposal): string => `${kind}:${cubeIds.join()}`

/** Cubes that a change concerned. */
function touched({ after }: BlockChangeRow): string[] {
  const { cubeIds = [], target, source, ranks = [] } = after as ChangeFacts
  return [...cubeIds, ...[target, source].filter((id) => id !== undefined), ...ranks.map(({ cubeId }) => cubeId)]
}
