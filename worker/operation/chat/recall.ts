import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { QUERY_LENGTH_MAX, SEARCH_RESULTS_DEFAULT } from '../../../schemas/limits.ts'
import { schedulePolicy } from '../../../schemas/namespace-settings.ts'
import { SearchRequest } from '../../../schemas/search.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { KvRenditionRow, NamespaceRow } from '../../ports/rows.ts'
import { pinnedBlocks } from '../blocks/pinned-blocks.ts'
import { isValid } from '../renditions/kept-caches.ts'
import type { MemOperator } from '../search/mem-operator.ts'
import type { ChatCall } from './chat-call.ts'
import { type InjectedAs, injectionOf } from './injection-rules.ts'
import { entryOf, type MemoryEntry, originName, packEntries } from './memory-entries.ts'

/** A memory of a prompt, with the form that a rule has chosen. */
export interface InjectedMemory {
  entry: MemoryEntry
  as: InjectedAs
  because: string
  /** The cache that it is injected from; null for text, and where the conversation's own cache holds it. */
  cache: KvRenditionRow | null
}

export interface Recalled {
  memories: InjectedMemory[]
  omitted: number
  /** Whether the conversation's own cache begins with just this memory; `turns` are the cubes of its earlier turns that the cache was made of. */
  conversation: {
    state: 'none' | 'new' | 'continued' | 'changed'
    row: KvRenditionRow | null
    turns: readonly string[]
  }
  terms: readonly string[]
}

export interface RecallQuestion {
  question: string
  budgetTokens: number
  /** Fingerprint of the model. */
  model: string
}

/** Memory for a prompt: pinned blocks, what is found, and what the conversation holds already as far as there is room; each in its form. */
export async function recall(
  call: ChatCall,
  { question, budgetTokens, model }: RecallQuestion,
  operator: MemOperator,
): Promise<Recalled> {
  const { session, request, target } = call
  const name = request.memos.session
  const kept =
    name === undefined || target === null ? null : await session.renditions.ofConversation(target.id, name, model)
  const sources = kept === null ? [] : await session.cubes.named(kept.sources)
  const [turns, before] = [true, false].map((isTurn) => sources.filter((full) => (full.session === name) === isTurn))
  const { found, terms } = budgetTokens === 0 ? NOTHING : await find(call, question, operator)
  const blocks = budgetTokens === 0 ? [] : (await pinnedBlocks(session, call.namespaces)).map(({ full }) => full)
  const entries = await entriesOf(call, [...blocks, ...found, ...(before ?? [])])
  const isOld = new Set(before?.map(({ cube }) => cube.cubeId))
  const { chosen, omitted } = packEntries(entries, budgetTokens)
  const isSame = kept !== null && chosen.length === isOld.size && digestOf(chosen) === kept.row.digest
  const memories = await formsOf(call, chosen, model, isSame)
  const state = name === undefined ? 'none' : kept === null ? 'new' : isSame ? 'continued' : 'changed'
  return {
    memories,
    omitted,
    terms,
    conversation: { state, row: isSame ? kept.row : null, turns: turns?.map(({ cube }) => cube.cubeId) ?? [] },
  }
}

const NOTHING = { found: [] as FullCube[], terms: [] as readonly string[] }

/** What the memory of a prompt is known by: changes with every text, and with the order. */
export const digestOf = (entries: readonly Pick<MemoryEntry, 'digest'>[]): string =>
  bytesToHex(sha256(utf8ToBytes(entries.map(({ digest }) => digest).join(' '))))

/** What the caller may read and the question asks for; turns of the conversation itself stand in its messages. */
async function find({ session, namespaces, request, context }: ChatCall, question: string, operator: MemOperator) {
  const query = question.slice(0, QUERY_LENGTH_MAX).toWellFormed()
  if (query.trim() === '') return NOTHING
  const search = SearchRequest.parse({ query, limit: SEARCH_RESULTS_DEFAULT })
  const { found, report } = await operator.search(session, namespaces, search, context)
  const own = request.memos.session
  return {
    found: found.map(({ full }) => full).filter((full) => own === undefined || full.session !== own),
    terms: report.terms,
  }
}

async function entriesOf({ session }: ChatCall, cubes: readonly FullCube[]): Promise<MemoryEntry[]> {
  const origins = await session.followed.origins(cubes.map(({ cube }) => cube))
  return cubes.map((full) => entryOf(full, originName(origins.get(full.cube.cubeId))))
}

async function formsOf(
  { session, namespaces, request, context }: ChatCall,
  entries: readonly MemoryEntry[],
  model: string,
  isInConversation: boolean,
): Promise<InjectedMemory[]> {
  const { composition } = request.memos
  const caches = new Map(
    (
      await session.renditions.ofCubes(
        entries.map(({ full }) => full.cube.cubeId),
        model,
      )
    ).map((row) => [row.cubeId, row]),
  )
  return entries.map((entry) => {
    const { cube } = entry.full
    const cache = caches.get(cube.cubeId)
    const policy = schedulePolicy(settingsOf(namespaces, cube.namespaceId))
    const isCached = cache !== undefined && isValid(cache, entry.digest, policy)
    if (composition === 'text' || composition === 'exact')
      return { entry, as: 'text', because: `composition_${composition}`, cache: null }
    const { as, because } = injectionOf({ cube, isCached, isInConversation }, policy, context.nowMs)
    return { entry, as, because, cache: as === 'kv' && isCached && !isInConversation ? (cache ?? null) : null }
  })
}

const settingsOf = (namespaces: readonly NamespaceRow[], id: number): NamespaceRow['settings'] =>
  namespaces.find((row) => row.id === id)?.settings ?? {}
