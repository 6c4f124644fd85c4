import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { ContextBlock } from '../retrieval/context-blocks.ts'
import { blockText } from './block-text.ts'

export interface PinnedBlock extends ContextBlock {
  full: FullCube
}

/** The pinned blocks of namespaces with their texts. One statement where there are none. */
export async function pinnedBlocks(session: VaultSession, namespaces: readonly NamespaceRow[]): Promise<PinnedBlock[]> {
  const pinned = await session.blocks.pinned(namespaces.map(({ id }) => id))
  const texts = new Map<string, FullCube>()
  for (const [namespaceId, list] of Map.groupBy(pinned, ({ block }) => block.namespaceId)) {
    const cubes = await session.cubes.bySeq(
      namespaceId,
      list.map(({ seq }) => seq),
    )
    for (const full of cubes) texts.set(full.cube.cubeId, full)
  }
  return pinned.flatMap(({ block }) => {
    const full = texts.get(block.coreCubeId)
    const text = full === undefined ? '' : blockText(full.content, full.cube.title)
    return full === undefined || text === ''
      ? []
      : [{ cubeId: block.coreCubeId, name: block.name, text, tokensMax: block.tokensMax, full }]
  })
}
