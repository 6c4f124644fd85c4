/** @mastra/memory with semantic recall over a LibSQL file, one thread, hundred messages per save: its documented local set-up. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EMBEDDER_MODEL, embed } from '../corpus/hashing-embedder.ts'
import { SEARCH_TOP_K } from '../corpus/search-run.ts'
import { slices } from '../harness/statistics.ts'
import { loadPeer } from './load-peer.ts'
import { runPeerProgram } from './peer-run.ts'

interface LibSqlModule {
  LibSQLStore: new (options: { id: string; url: string }) => object
  LibSQLVector: new (options: { id: string; url: string }) => object
}
interface MastraMemory {
  saveThread(request: object): Promise<unknown>
  saveMessages(request: { messages: object[] }): Promise<unknown>
  recall(request: object): Promise<{ messages: { content: { parts: { text?: string }[] } }[] }>
}
interface MemoryModule {
  Memory: new (options: object) => MastraMemory
}

const SAVED_AT_ONCE = 100
const FIRST_MESSAGE_MS = 1.7e12

process.env.MASTRA_TELEMETRY_DISABLED = '1'
const { LibSQLStore, LibSQLVector } = await loadPeer<LibSqlModule>('@mastra/libsql')
const { Memory } = await loadPeer<MemoryModule>('@mastra/memory')

const folder = mkdtempSync(join(tmpdir(), 'memos-mastra-'))
const semanticRecall = { topK: SEARCH_TOP_K, messageRange: 0, scope: 'thread' }
const place = { threadId: 'thread', resourceId: 'bench' }
const memory = new Memory({
  storage: new LibSQLStore({ id: 'store', url: `file:${join(folder, 'store.db')}` }),
  vector: new LibSQLVector({ id: 'vector', url: `file:${join(folder, 'vector.db')}` }),
  embedder: {
    specificationVersion: 'v2',
    provider: 'bench',
    modelId: EMBEDDER_MODEL,
    maxEmbeddingsPerCall: 256,
    supportsParallelCalls: true,
    doEmbed: async ({ values }: { values: string[] }) => ({
      embeddings: values.map((text) => [...embed(text)]),
      usage: { tokens: 0 },
    }),
  },
  options: { lastMessages: 10, semanticRecall },
})
const now = new Date()
await memory.saveThread({
  thread: {
    id: place.threadId,
    resourceId: place.resourceId,
    title: 'bench',
    createdAt: now,
    updatedAt: now,
    metadata: {},
  },
})

await runPeerProgram({
  name: 'mastra',
  async add(texts, onProgress) {
    let done = 0
    for (const batch of slices(texts, SAVED_AT_ONCE)) {
      const messages = batch.map((text, i) => ({
        id: `message-${done + i}`,
        ...place,
        role: 'user',
        createdAt: new Date(FIRST_MESSAGE_MS + 1000 * (done + i)),
        content: { format: 2, parts: [{ type: 'text', text }], content: text },
      }))
      await memory.saveMessages({ messages })
      done += batch.length
      onProgress(done)
    }
  },
  async search(query) {
    const threadConfig = { lastMessages: false, semanticRecall }
    const { messages } = await memory.recall({ ...place, perPage: 0, vectorSearchString: query, threadConfig })
    return messages.flatMap(({ content }) => content.parts.flatMap(({ text }) => text ?? []))
  },
})
rmSync(folder, { recursive: true, force: true })
process.exit(0)
