import type { BlockReceipt, CreateBlock, EditBlock, UpdateBlock } from '../../../schemas/block.ts'
import type { Cid } from '../../../schemas/cid.ts'
import type { CreateCube } from '../../../schemas/cube.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { BLOCK_CHANGES_MAX, BLOCK_MEMBERS_MAX, BLOCKS_MAX } from '../../../schemas/limits.ts'
import { ulid } from '../../../schemas/ulid.ts'
import type { NamedBlock } from '../../infrastructure/blocks/block-reader.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import { GuardError, UniqueError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { BlockChangeRow, BlockRow, NamespaceRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { NewCube, VaultWrite } from '../../ports/vault-write.ts'
import type { BlockFields } from '../../ports/writes/blocks.ts'
import type { EmbeddingBuilder } from '../embed/embedding-builder.ts'
import { draftCube } from '../organise/draft-cube.ts'
import { finish, type MemoryWriter, storedCube } from '../organise/memory-writer.ts'
import { outdated, reviseCube } from '../organise/revise-cube.ts'
import { estimateTokens } from '../retrieval/tokens.ts'
import { blockText, coreContent, editedText, pageOut } from './block-text.ts'

/** Semantic type of the cubes that hold the texts of blocks. */
export const BLOCK_TYPE = 'block'

export interface MemBlocksComponents {
  runtime: Runtime
  embeddings: Pick<EmbeddingBuilder, 'plan' | 'wake' | 'forget'>
  writer: Pick<MemoryWriter, 'remove'>
}

/** A block with the cube that holds its text. */
export interface OpenBlock {
  block: NamedBlock
  core: FullCube
}

/** What a new revision of a core is to be, and what it leaves behind. */
interface Rewritten {
  writes: VaultWrite[]
  receipt: BlockReceipt
}

/**
 * MemBlocks: texts of limited size that agents edit (Letta's core memory, Packer et al. 2023, section 2.1), each with the cubes that belong to it. The text
 * is one ordinary cube, so its revisions, rights and log are those of every memory; what no longer fits moves into cubes that search finds.
 */
export class MemBlocks {
  readonly #components: MemBlocksComponents

  constructor(components: MemBlocksComponents) {
    this.#components = components
  }

  /** @throws MemosError not_found */
  async open(session: VaultSession, blockId: string, access: 'read' | 'write'): Promise<OpenBlock> {
    const block = await session.blocks.get(blockId, access)
    return { block, core: await session.cubes.get(block.coreCubeId, access) }
  }

  /** What a block says, and how much that is. */
  textOf({ content, cube }: FullCube): { text: string; tokens: number } {
    const text = blockText(content, cube.title)
    return { text, tokens: estimateTokens(text) }
  }

  /** @throws MemosError already_exists, quota_exceeded, invalid_request */
  async create(
    session: VaultSession,
    namespace: NamespaceRow,
    { name, kind, pinned, tokensMax, text = '' }: CreateBlock,
    context: RequestContext,
  ): Promise<BlockReceipt> {
    const after = editedText('', { op: 'rewrite', new: text })
    const paged = pageOut('', after, tokensMax)
    const core = this.#draft({ content: coreContent(paged.text, name), title: name, semanticType: BLOCK_TYPE }, context)
    const block: BlockRow = {
      id: this.#newId(context),
      namespaceId: namespace.id,
      name,
      kind,
      coreCubeId: core.record.cubeId,
      pinned,
      tokensMax,
      version: 1,
      dueMs: null,
      createdBy: context.principal.keyId,
      createdAtMs: context.nowMs,
      updatedAtMs: context.nowMs,
    }
    const pages = this.#pages(paged.pages, { title: name, parent: core, sensitivity: core.record.sensitivity }, context)
    const { writes, receipt } = this.#paging(block, { text: paged.text, revision: 1, before: null }, pages, context)
    await this.#apply(
      session,
      namespace.id,
      context,
      201,
      receipt,
      [
        ...expectRoom(session, 1 + pages.length),
        { kind: 'insert_cubes', namespaceId: namespace.id, cubes: [core, ...pages] },
        { kind: 'insert_block', block },
        ...writes,
      ],
      [core, ...pages],
    ).catch((error: unknown) => {
      if (error instanceof UniqueError) throw nameTaken(error)
      if (!(error instanceof GuardError)) throw error
      const detail = `A namespace has at most ${BLOCKS_MAX} blocks, and the organisation as many cubes as its quota says.`
      throw new MemosError('quota_exceeded', { detail }, { cause: error })
    })
    return receipt
  }

  /** @throws MemosError not_found, already_exists, cube_frozen, revision_conflict */
  async update(
    session: VaultSession,
    blockId: string,
    update: UpdateBlock,
    context: RequestContext,
  ): Promise<OpenBlock> {
    const { block, core } = await this.open(session, blockId, 'write')
    const set = Object.fromEntries(
      Object.entries(update).filter(([, value]) => value !== undefined),
    ) as Partial<BlockFields>
    const rename = set.name === undefined || set.name === block.name ? [] : this.#renamed(core, set.name, context)
    await session.vault
      .apply([
        ...rename,
        { kind: 'change_block', blockId, version: block.version, set, atMs: context.nowMs },
        auditOf(context, block.namespaceId, [block.coreCubeId], ['plaintext']),
      ])
      .catch((error: unknown) => {
        if (error instanceof UniqueError) throw nameTaken(error)
        throw error instanceof GuardError ? outdated() : error
      })
    return this.open(session, blockId, 'write')
  }

  #renamed(core: FullCube, name: string, context: RequestContext): VaultWrite[] {
    const content = coreContent(blockText(core.content, core.cube.title), name)
    return this.#revise(core, { content, title: name }, context)
  }

  /** Erases the block and its text; members are nobody's property and stay. @throws MemosError not_found, cube_frozen, revision_conflict */
  async remove(session: VaultSession, blockId: string, context: RequestContext): Promise<void> {
    const block = await session.blocks.get(blockId, 'write')
    // The block's rows go with its core, in the same batch.
    const removed = await this.#components.writer.remove(session, block.coreCubeId, context)
    await this.#components.embeddings.forget(session, context.principal.orgId, removed.namespaceId, [removed.seq])
  }

  /**
   * Edits the text of a block: a new revision of its core, and in the same batch cubes for what no longer fits.
   * @throws MemosError not_found, invalid_request, cube_frozen, cube_archived, revision_conflict, quota_exceeded
   */
  async edit(session: VaultSession, blockId: string, edit: EditBlock, context: RequestContext): Promise<BlockReceipt> {
    const opened = await this.open(session, blockId, 'write')
    const { block, core } = opened
    if (edit.expectedRevision !== undefined && edit.expectedRevision !== core.cube.revision)
      throw new MemosError('revision_conflict', {
        field: 'expectedRevision',
        expected: `revision ${core.cube.revision}, which is the current one`,
      })
    const before = blockText(core.content, core.cube.title)
    const { writes, receipt } = this.rewritten(opened, editedText(before, edit), context)
    const paged = receipt.pagedOut.length
    await this.#apply(session, block.namespaceId, context, 200, receipt, [
      ...expectRoom(session, paged),
      ...writes,
    ]).catch(async (error: unknown) => {
      if (!(error instanceof GuardError)) throw error
      const { cube } = await session.cubes.get(block.coreCubeId, 'write')
      if (cube.revision === core.cube.revision && cube.state === core.cube.state && paged > 0)
        throw new MemosError('quota_exceeded', {}, { cause: error })
      throw outdated()
    })
    return receipt
  }

  /** What makes the text of a block another one; the batch expects the revision that was read. */
  rewritten({ block, core }: OpenBlock, text: string, context: RequestContext): Rewritten {
    const before = blockText(core.content, core.cube.title)
    const paged = pageOut(before, text, block.tokensMax)
    const revised = this.#revise(core, { content: coreContent(paged.text, block.name) }, context)
    const parent = { record: { cid: core.cube.cid } }
    const pages = this.#pages(paged.pages, { title: block.name, parent, sensitivity: core.cube.sensitivity }, context)
    const now = { text: paged.text, revision: core.cube.revision + 1, before: core.cube.revision }
    const { writes, receipt } = this.#paging(block, now, pages, context)
    return {
      receipt,
      writes: [
        ...revised,
        ...(pages.length === 0
          ? []
          : [{ kind: 'insert_cubes' as const, namespaceId: block.namespaceId, cubes: pages }]),
        { kind: 'change_block', blockId: block.id, version: null, set: {}, atMs: context.nowMs },
        ...writes,
      ],
    }
  }

  /** Adds cubes of the block's namespace that the caller may write. Answers how many were named. @throws MemosError not_found, invalid_request */
  async addMembers(
    session: VaultSession,
    blockId: string,
    cubeIds: readonly string[],
    context: RequestContext,
  ): Promise<number> {
    const block = await session.blocks.get(blockId, 'write')
    const wanted = [...new Set(cubeIds)]
    const found = await session.blocks.writable(wanted)
    const here = found.filter(
      ({ namespaceId, cubeId }) => namespaceId === block.namespaceId && cubeId !== block.coreCubeId,
    )
    if (here.length < wanted.length)
      throw new MemosError('invalid_request', { field: 'cubeIds', expected: 'cubes of the namespace of the block' })
    await session.vault
      .apply([
        {
          kind: 'add_members',
          blockId,
          namespaceId: block.namespaceId,
          cubeIds: wanted,
          atMs: context.nowMs,
          membersMax: BLOCK_MEMBERS_MAX,
        },
        { kind: 'change_block', blockId, version: null, set: {}, atMs: context.nowMs },
        ...finish(context, 200, { added: wanted.length }),
        auditOf(
          context,
          block.namespaceId,
          wanted,
          here.map(({ memoryType }) => memoryType),
        ),
      ])
      .catch((error: unknown) => {
        if (!(error instanceof GuardError)) throw error
        const expected = `so many that the block has at most ${BLOCK_MEMBERS_MAX} members`
        throw new MemosError('invalid_request', { field: 'cubeIds', expected }, { cause: error })
      })
    return wanted.length
  }

  /** @throws MemosError not_found */
  async removeMember(session: VaultSession, blockId: string, cubeId: string, context: RequestContext): Promise<void> {
    const block = await session.blocks.get(blockId, 'write')
    await session.vault.apply([
      { kind: 'remove_members', blockId, cubeIds: [cubeId] },
      auditOf(context, block.namespaceId, [cubeId]),
    ])
  }

  #revise(core: FullCube, fields: { content: string; title?: string }, context: RequestContext): VaultWrite[] {
    const draft = reviseCube(core, { mode: 'overwrite', ...fields }, this.#draftContext(context))
    if (draft.blobs.length > 0) throw tooLong()
    return [{ kind: 'update_cube', stored: storedCube(core, []), cube: draft.cube, textChanged: draft.textChanged }]
  }

  /** Cubes for what is paged out: as sensitive as the text was, derived from its revision. */
  #pages(
    texts: readonly string[],
    {
      title,
      parent,
      sensitivity,
    }: { title: string; parent: { record: { cid: string } }; sensitivity: CreateCube['sensitivity'] },
    context: RequestContext,
  ): NewCube[] {
    const lineage = [{ cid: parent.record.cid as Cid, relation: 'derived' as const }]
    return texts.map((content) => this.#draft({ content, title, lineage, sensitivity }, context))
  }

  #paging(
    block: Pick<BlockRow, 'id' | 'namespaceId' | 'coreCubeId' | 'tokensMax'>,
    { text, revision, before }: { text: string; revision: number; before: number | null },
    pages: readonly NewCube[],
    context: RequestContext,
  ): Rewritten {
    const pagedOut = pages.map(({ record }) => record.cubeId)
    const changeId = pagedOut.length === 0 ? null : this.#newId(context)
    const { id: blockId, namespaceId, coreCubeId } = block
    const receipt = { blockId, coreCubeId, revision, tokens: estimateTokens(text), pagedOut, changeId }
    if (changeId === null) return { writes: [], receipt }
    const change = this.change(block, 'page_out', context, {
      before: { revision: before },
      after: { revision, cubeIds: pagedOut },
      reason: `beyond ${block.tokensMax} estimated tokens; the oldest lines are cubes now`,
    })
    return {
      receipt,
      writes: [
        { kind: 'add_members', blockId, namespaceId, cubeIds: pagedOut, atMs: context.nowMs, membersMax: null },
        {
          kind: 'insert_change',
          change: { ...change, id: changeId, judgedAtMs: context.nowMs },
          changesMax: BLOCK_CHANGES_MAX,
        },
      ],
    }
  }

  /** The row that says what a block changes of itself. */
  change(
    { id: blockId, namespaceId }: Pick<BlockRow, 'id' | 'namespaceId'>,
    kind: BlockChangeRow['kind'],
    context: RequestContext,
    { before, after, reason }: Pick<BlockChangeRow, 'before' | 'after' | 'reason'>,
  ): BlockChangeRow {
    return {
      id: this.#newId(context),
      blockId,
      namespaceId,
      kind,
      before,
      after,
      reason,
      caller: context.principal.keyId,
      atMs: context.nowMs,
      questions: 0,
      qualityBefore: null,
      qualityAfter: null,
      judgedAtMs: null,
      undoneAtMs: null,
    }
  }

  #draft(
    input: Pick<CreateCube, 'content'> &
      Partial<Pick<CreateCube, 'title' | 'semanticType' | 'lineage' | 'sensitivity'>>,
    context: RequestContext,
  ): NewCube {
    const { cube, blobs } = draftCube(
      {
        semanticType: 'fact',
        memoryType: 'plaintext',
        tags: [],
        metadata: {},
        priority: 'mid',
        sensitivity: 'none',
        origin: { kind: 'inference' },
        ...input,
      },
      this.#draftContext(context),
    )
    if (blobs.length > 0) throw tooLong()
    return cube
  }

  async #apply(
    session: VaultSession,
    namespaceId: number,
    context: RequestContext,
    status: number,
    receipt: BlockReceipt,
    writes: readonly VaultWrite[],
    made: readonly NewCube[] = [],
  ): Promise<void> {
    const { embeddings } = this.#components
    const plan = embeddings.plan({ id: namespaceId }, context)
    const cubeIds =
      made.length > 0 ? made.map(({ record }) => record.cubeId) : [receipt.coreCubeId, ...receipt.pagedOut]
    await session.vault.apply([
      ...plan.writes,
      ...writes,
      ...finish(context, status, receipt),
      auditOf(
        context,
        namespaceId,
        cubeIds,
        cubeIds.map(() => 'plaintext' as const),
      ),
    ])
    embeddings.wake({ id: namespaceId }, plan)
  }

  #newId({ nowMs }: RequestContext): string {
    return ulid(nowMs, this.#components.runtime.randomBytes)
  }

  #draftContext({ nowMs, principal }: RequestContext) {
    return { nowMs, randomBytes: this.#components.runtime.randomBytes, author: principal.keyId }
  }
}

const expectRoom = ({ vault }: VaultSession, cubes: number): VaultWrite[] => {
  const { cubesMax } = vault.organisation
  return cubesMax === null || cubes === 0 ? [] : [{ kind: 'expect_quota', cubes, cubesMax }]
}

const nameTaken = (cause: unknown) =>
  new MemosError('already_exists', { field: 'name', expected: 'a name that no block of the namespace has' }, { cause })

const tooLong = () => new MemosError('invalid_request', { field: 'new', expected: 'shorter lines' })
