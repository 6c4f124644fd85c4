/**
 * mem0ai/oss in one process, in memory, without its language model (`infer: false`): its fastest configuration. No network: the embedder is ours.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EMBEDDER_DIMENSIONS, embed } from '../corpus/hashing-embedder.ts'
import { SEARCH_TOP_K } from '../corpus/search-run.ts'
import { loadPeer } from './load-peer.ts'
import { runPeerProgram } from './peer-run.ts'

interface Mem0Memory {
  add(text: string, options: { userId: string; infer: boolean }): Promise<unknown>
  search(
    query: string,
    options: { filters: { user_id: string }; topK: number },
  ): Promise<{ results: { memory: string }[] }>
}
interface Mem0Module {
  Memory: new (config: object) => Mem0Memory
}

// Both are read when the package is imported.
process.env.MEM0_TELEMETRY = 'false'
const folder = mkdtempSync(join(tmpdir(), 'memos-mem0-'))
process.env.MEM0_DIR = folder
const { Memory } = await loadPeer<Mem0Module>('mem0ai/oss')

const user = 'bench'
const memory = new Memory({
  embedder: {
    provider: 'langchain',
    config: {
      model: {
        embedQuery: async (text: string) => [...embed(text)],
        embedDocuments: async (texts: string[]) => texts.map((text) => [...embed(text)]),
      },
    },
  },
  vectorStore: {
    provider: 'memory',
    config: { collectionName: 'bench', dimension: EMBEDDER_DIMENSIONS, dbPath: ':memory:' },
  },
  llm: { provider: 'langchain', config: { model: { invoke: async () => ({ content: '{}' }) } } },
  historyDbPath: ':memory:',
  historyStore: { provider: 'sqlite', config: { historyDbPath: ':memory:' } },
})

await runPeerProgram({
  name: 'mem0',
  async add(texts, onProgress) {
    for (const [i, text] of texts.entries()) {
      await memory.add(text, { userId: user, infer: false })
      onProgress(i)
    }
  },
  async search(query) {
    const { results } = await memory.search(query, { filters: { user_id: user }, topK: SEARCH_TOP_K })
    return results.map((result) => result.memory)
  },
})
rmSync(folder, { recursive: true, force: true })
process.exit(0)
